//! How loud the platform's events are: which of them a function's `SystemLogLevel` lets into its JSON log (O-01, O-03).

use super::{PlatformEvent, Status};

/// Levels of the platform's events, the loudest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemLogLevel {
    /// Everything.
    Debug,
    /// Invocations, and what was set up.
    Info,
    /// What went wrong.
    Warn,
}

impl SystemLogLevel {
    /// The level that a function's settings name; INFO where they name none.
    pub fn of_setting(setting: Option<&str>) -> Self {
        match setting {
            Some("DEBUG") => Self::Debug,
            Some("WARN") => Self::Warn,
            _ => Self::Info,
        }
    }
}

impl PlatformEvent {
    /// From AWS's table of system log events: outcomes that are not a success are warnings, the rest is INFO or DEBUG by its kind.
    pub fn level(&self) -> SystemLogLevel {
        let (status, otherwise) = match self {
            Self::InitRuntimeDone(end) => (Some(&end.status), SystemLogLevel::Debug),
            Self::InitReport(end) if end.initialization_type == "on-demand" => {
                (Some(&end.status), SystemLogLevel::Debug)
            }
            Self::InitReport(end) => (Some(&end.status), SystemLogLevel::Info),
            Self::RuntimeDone(done) => (Some(&done.status), SystemLogLevel::Debug),
            Self::Report(report) => (Some(&report.status), SystemLogLevel::Info),
            Self::Extension(extension) if extension.error_type.is_some() => (None, SystemLogLevel::Warn),
            Self::LogsDropped(_) | Self::Fault(_) => (None, SystemLogLevel::Warn),
            Self::InitStart(_) | Self::Extension(_) | Self::Subscription(_) | Self::Start(_) => {
                (None, SystemLogLevel::Info)
            }
            Self::End { .. } => (None, SystemLogLevel::Debug),
        };
        if status.is_some_and(|status| *status != Status::Success) { SystemLogLevel::Warn } else { otherwise }
    }
}
