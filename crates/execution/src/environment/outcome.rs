//! How the end of a runtime's process reads in answers and logs (E-03, E-04).

use sandbox::ExitStatus;

/// `None` for exit status 0, else such as `exit status 1` or `signal: killed`, as Go's `os/exec` words it in AWS's own server.
pub(super) fn describe_exit(status: ExitStatus) -> Option<String> {
    match status {
        ExitStatus::Code(0) => None,
        ExitStatus::Code(code) => Some(format!("exit status {code}")),
        ExitStatus::Signal(signal) => Some(format!("signal: {}", signal_name(signal))),
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
