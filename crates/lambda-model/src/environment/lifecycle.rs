//! Phases of an execution environment (B.1).
//!
//! ```text
//!               create            Next called                    invoke             Next called
//!  (nothing) ──────────► Starting ──────────► Idle ◄──────┬───────────────► Busy ─────────────┐
//!                           │                  ▲          │                  │                │
//!                           │ failed or        │          └──────────────────┼────────────────┘
//!                           │ 10 s are over    │ Next called                 │ time-out, exit, oversized crash
//!                           ▼                  │                             ▼
//!                        Spoiled ◄─────────────┼──────────────────────── Resetting  (processes killed, /tmp kept)
//!                           │ next invocation  │                             │
//!                           └──► Reinitializing (inside the invocation, under the function's timeout) ─► Busy
//!
//!  Idle, Spoiled ── retired, code replaced, server stops ──► ShuttingDown ──► (gone)
//!  any ── sandbox-level error ──► (gone): destroyed, never repaired
//! ```
//! A Spoiled environment has a sandbox but no runtime: the next invocation initialises it again, inline (L-02, L-09).

/// Where an execution environment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its sandbox and its runtime are being started.
    Starting,
    /// Its runtime waits for an event; soon frozen.
    Idle,
    /// It has a sandbox but no usable runtime.
    Spoiled,
    /// Initialising inside an invocation.
    Reinitializing,
    /// It has an event.
    Busy,
    /// Its processes are being killed after a time-out or a crash.
    Resetting,
    /// It takes no more events and goes away.
    ShuttingDown,
}

impl Phase {
    /// Whether an invocation may be handed to an environment in this phase.
    pub fn takes_invocations(self) -> bool {
        matches!(self, Self::Idle | Self::Spoiled)
    }
}

/// Why an environment ends, as extensions are told (L-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownReason {
    /// Idle too long, replaced, or the server stops.
    Spindown,
    /// An invocation ran out of time.
    Timeout,
    /// A process of the environment failed.
    Failure,
}

impl ShutdownReason {
    /// As extensions read it. AWS's documentation has it in capitals, AWS's own server sends it like this.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}
