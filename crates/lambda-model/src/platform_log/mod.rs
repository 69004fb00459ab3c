//! What the platform tells of an environment: events that become lines of the log (B.6), records of the JSON log format (B.23)
//! and of the Telemetry API (B.4).
//!
//! ```text
//! init:        InitStart ─► InitRuntimeDone ─► Extension... ─► InitReport
//! invocation:  Start ─► RuntimeDone ─► Fault? ─► End ─► Report
//! ```

mod application;
mod level;
mod record;
mod text;

pub use application::{ApplicationLogLevel, Kept, keep};
pub use level::SystemLogLevel;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformEvent {
    /// An initialization begins.
    InitStart(InitStart),
    /// The runtime is initialised, or failed to be.
    InitRuntimeDone(InitEnd),
    /// An initialization is over.
    InitReport(InitEnd),
    /// What became of an extension during an initialization.
    Extension(ExtensionInit),
    /// An extension will get telemetry.
    Subscription(Subscription),
    /// An invocation begins.
    Start(Start),
    /// The runtime is done with an event.
    RuntimeDone(RuntimeDone),
    /// What went wrong, in words.
    Fault(String),
    /// An invocation ends.
    End {
        /// The invocation.
        request_id: String,
    },
    /// An invocation in figures.
    Report(Report),
    /// Telemetry that its subscriber did not take.
    LogsDropped(LogsDropped),
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Well, or with a handler's own error.
    Success,
    /// The time was up.
    Timeout,
    /// The runtime or an extension failed; carries the error type, such as `Runtime.ExitError`.
    Error(String),
}

/// When an initialization happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitPhase {
    /// Before any invocation.
    Init,
    /// Inside the first invocation, after a failure or a time-out of the first attempt.
    Invoke,
}

/// See [`PlatformEvent::InitStart`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitStart {
    /// `on-demand` or `provisioned-concurrency`.
    pub initialization_type: &'static str,
    /// When.
    pub phase: InitPhase,
    /// Such as `python:3.11.v1`.
    pub runtime_version: String,
    /// Its ARN.
    pub runtime_version_arn: String,
    /// The function's name.
    pub function_name: String,
    /// Its version.
    pub function_version: String,
    /// Names the environment.
    pub instance_id: String,
    /// Its memory, bytes.
    pub instance_max_memory: u64,
}

/// The end of an initialization, or of the runtime's part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitEnd {
    /// `on-demand` or `provisioned-concurrency`.
    pub initialization_type: &'static str,
    /// When.
    pub phase: InitPhase,
    /// How.
    pub status: Status,
    /// How long the initialization took, microseconds; only in the report.
    pub duration_us: u64,
}

/// See [`PlatformEvent::Extension`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionInit {
    /// Its name.
    pub name: String,
    /// Its state, as AWS names it.
    pub state: &'static str,
    /// The events that it asked for, in its order.
    pub events: Vec<&'static str>,
    /// What it said was wrong, or what was.
    pub error_type: Option<String>,
}

/// See [`PlatformEvent::Subscription`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The extension.
    pub name: String,
    /// `platform`, `function`, `extension`.
    pub types: Vec<&'static str>,
    /// Whether it asked by the older Logs API.
    pub is_of_logs_api: bool,
}

/// A trace, as telemetry names it (Z-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The segment of the invocation, 16 hex digits.
    pub span_id: Option<String>,
    /// `Root=...;Parent=...;Sampled=...`.
    pub value: String,
}

/// See [`PlatformEvent::Start`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The invocation.
    pub request_id: String,
    /// Of the function.
    pub version: String,
    /// If it is traced.
    pub tracing: Option<TraceContext>,
}

/// A stretch of time (T-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Such as `responseLatency`.
    pub name: &'static str,
    /// ISO 8601.
    pub start: String,
    /// Microseconds.
    pub duration_us: u64,
}

/// See [`PlatformEvent::RuntimeDone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDone {
    /// The invocation.
    pub request_id: String,
    /// How.
    pub status: Status,
    /// From the event to the runtime's next call, microseconds.
    pub duration_us: u64,
    /// Of the response; `None` where there was none.
    pub produced_bytes: Option<u64>,
    /// `responseLatency`, `responseDuration`, `runtimeOverhead`.
    pub spans: Vec<Span>,
    /// If it is traced.
    pub tracing: Option<TraceContext>,
}

/// See [`PlatformEvent::Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The invocation.
    pub request_id: String,
    /// Time in the handler and, at the end, until runtime and extensions asked for more; microseconds.
    pub duration_us: u64,
    /// See [`crate::billing`]; milliseconds.
    pub billed_duration_ms: u64,
    /// Configured, MB.
    pub memory_size_mb: i64,
    /// Highest of the environment so far, MB.
    pub memory_used_max_mb: u64,
    /// Only in the first report of an environment, microseconds.
    pub init_us: Option<u64>,
    /// How it ended.
    pub status: Status,
    /// `extensionOverhead`.
    pub spans: Vec<Span>,
    /// If it is traced.
    pub tracing: Option<TraceContext>,
    /// Root and segment, if the function traces and this invocation is sampled.
    pub sampled: Option<(String, String)>,
}

/// See [`PlatformEvent::LogsDropped`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsDropped {
    /// In words.
    pub reason: String,
    /// How many.
    pub records: u64,
    /// How much.
    pub bytes: u64,
}

impl PlatformEvent {
    /// Its name, such as `platform.start`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::InitStart(_) => "platform.initStart",
            Self::InitRuntimeDone(_) => "platform.initRuntimeDone",
            Self::InitReport(_) => "platform.initReport",
            Self::Extension(_) => "platform.extension",
            Self::Subscription(Subscription { is_of_logs_api: true, .. }) => "platform.logsSubscription",
            Self::Subscription(_) => "platform.telemetrySubscription",
            Self::Start(_) => "platform.start",
            Self::RuntimeDone(_) => "platform.runtimeDone",
            Self::Fault(_) => "platform.fault",
            Self::End { .. } => "platform.end",
            Self::Report(_) => "platform.report",
            Self::LogsDropped(_) => "platform.logsDropped",
        }
    }
}

impl InitPhase {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

impl Status {
    /// Its name in records.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Timeout => "timeout",
            // The sandbox's own failures have a name of their own (AWS's Runtime API server).
            Self::Error(kind) if kind.starts_with("Sandbox.") => "failure",
            Self::Error(_) => "error",
        }
    }

    /// The error type, if it is an error.
    pub fn error_type(&self) -> Option<&str> {
        match self {
            Self::Error(kind) => Some(kind),
            Self::Success | Self::Timeout => None,
        }
    }
}
