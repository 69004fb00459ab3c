//! How invocations end, and how the end of a process, or that it never began, reads in answers and logs (B.5).

use std::{ffi::OsStr, io::ErrorKind};

use lambda_model::{
    invocation::{Invocation, InvocationOutcome},
    platform_log::Status,
};
use sandbox::ExitStatus;

use super::initialize::EXEC_FORMAT;
use crate::runtime_api::RuntimeEvent;

/// How an invocation ended, before its report.
pub(super) struct Ended {
    pub outcome: InvocationOutcome,
    pub status: Status,
    /// Whether runtime and extensions are still usable.
    pub is_well: bool,
}

impl Ended {
    /// By a call of the runtime; `None` for one that is no answer.
    pub(super) fn by(invocation: &Invocation, event: RuntimeEvent) -> Option<Self> {
        let (outcome, status) = match event {
            RuntimeEvent::Response(body) => (InvocationOutcome::response(body), Status::Success),
            RuntimeEvent::Error(body) => (InvocationOutcome::function_error(body), Status::Success),
            RuntimeEvent::Oversized { bytes_max } => (
                InvocationOutcome::response_too_large(bytes_max),
                Status::Error("Function.ResponseSizeTooLarge".into()),
            ),
            RuntimeEvent::Broken { error_type } => {
                let message = format!("RequestId: {} Error: {error_type}", invocation.request_id);
                (InvocationOutcome::platform_error(error_type, &message), Status::Error(error_type.into()))
            }
            RuntimeEvent::Ready | RuntimeEvent::InitError { .. } => return None,
        };
        Some(Self { outcome, status, is_well: true })
    }

    /// By the end of the runtime's process.
    pub(super) fn exited(invocation: &Invocation, end: Option<String>) -> Self {
        Self {
            outcome: InvocationOutcome::runtime_exited(&invocation.request_id, end.as_deref()),
            status: Status::Error("Runtime.ExitError".into()),
            is_well: false,
        }
    }

    /// By something else that the platform saw.
    pub(super) fn failed(invocation: &Invocation, error_type: &str, message: &str) -> Self {
        let message = format!("RequestId: {} Error: {message}", invocation.request_id);
        Self {
            outcome: InvocationOutcome::platform_error(error_type, &message),
            status: Status::Error(error_type.into()),
            is_well: false,
        }
    }
}

/// `None` for exit status 0, else such as `exit status 1` or `signal: killed`, as Go's `os/exec` words it in AWS's own server.
pub(super) fn describe_exit(status: ExitStatus) -> Option<String> {
    match status {
        ExitStatus::Code(0) => None,
        ExitStatus::Code(code) => Some(format!("exit status {code}")),
        ExitStatus::Signal(signal) => Some(format!("signal: {}", signal_name(signal))),
    }
}

/// Why a program could not be run.
pub(super) fn unstartable_program(program: &OsStr, source: &std::io::Error) -> String {
    let program = program.to_string_lossy();
    match source.kind() {
        ErrorKind::NotFound if program.ends_with("/bootstrap") => {
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
        }
        ErrorKind::NotFound => format!("fork/exec {program}: no such file or directory"),
        ErrorKind::PermissionDenied => format!("fork/exec {program}: permission denied"),
        _ if source.raw_os_error() == Some(EXEC_FORMAT) => format!("fork/exec {program}: exec format error"),
        _ => format!("fork/exec {program}: {source}"),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        31 => "bad system call",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
