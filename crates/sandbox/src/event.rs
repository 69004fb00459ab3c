//! What a sandbox tells about its processes, and what may be done to them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A process started by [`Sandbox::start_process`](crate::Sandbox::start_process). Never reused in one sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId(pub(crate) u32);

/// Something that happened inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SandboxEvent {
    /// A started process is gone. Its children, if it left any, run on until they are killed.
    Exited {
        /// Which.
        process: ProcessId,
        /// How it ended.
        status: ExitStatus,
        /// What it and the children it waited for used.
        usage: ResourceUsage,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It called `exit` with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// From wait4(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// Time in user space.
    pub user: Duration,
    /// Time in the kernel.
    pub system: Duration,
    /// The most memory that one of the processes held at a time.
    pub resident_bytes_max: u64,
}

/// Signals that can be sent to a process inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// SIGHUP
    Hangup,
    /// SIGINT
    Interrupt,
    /// SIGQUIT
    Quit,
    /// SIGUSR1
    User1,
    /// SIGUSR2
    User2,
    /// SIGTERM
    Terminate,
    /// SIGKILL
    Kill,
}

impl Signal {
    /// The kernel's number.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Signal::Hangup => libc::SIGHUP,
            Signal::Interrupt => libc::SIGINT,
            Signal::Quit => libc::SIGQUIT,
            Signal::User1 => libc::SIGUSR1,
            Signal::User2 => libc::SIGUSR2,
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        }
    }
}

impl ExitStatus {
    /// Whether the process ended with code 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
