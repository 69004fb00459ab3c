//! The program itself, run as a process of its own, and what it is told.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::*;
use crate::channel::Received;
use crate::protocol::StartFailure;

/// Where any process finds the program: nothing else of the build need be on the machine that runs the test.
fn file() -> String {
    static FILE: OnceLock<Waiting> = OnceLock::new();
    let file = FILE.get_or_init(|| Waiting::new().unwrap());
    format!("/proc/{}/fd/{}", std::process::id(), file.0.as_raw_fd())
}

/// The program, on a channel with a number of its own.
fn waiting() -> (Child, Channel) {
    let (ours, its) = Channel::pair().unwrap();
    let child = Command::new("bash")
        .args(["-c", "exec -a 7 \"$0\" 7<&0 0</dev/null", &file()])
        .stdin(Stdio::from(its.into_fd().unwrap()))
        .spawn()
        .unwrap();
    (child, ours)
}

/// Tells it a program; what that prints, both ways, is returned.
fn tell(channel: &Channel, argv: &[&str], env: &[(&str, &str)], waits: bool) -> io::PipeReader {
    let (printed, stdout) = io::pipe().unwrap();
    let process = ProcessSpec {
        argv: argv.iter().map(Into::into).collect(),
        env: env.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        cwd: "/usr".into(),
        stdin: None,
        stdout: stdout.as_fd(),
        stderr: stdout.as_fd(),
        stdout_again: Some(9),
    };
    channel.send_bytes(&message(&process, waits).unwrap(), &[stdout.as_fd(), stdout.as_fd()]).unwrap();
    printed
}

fn deadline() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

/// Why it does not run its program; nothing when it does.
fn failure(channel: &Channel) -> Option<StartFailure> {
    match channel.receive(deadline()).unwrap() {
        Received::Message(failure, _) => Some(failure),
        Received::End => None,
        Received::Nothing => panic!("nothing is heard of it"),
    }
}

#[test]
fn it_becomes_the_program() {
    let (mut child, channel) = waiting();
    let script = "echo \"$1 $LAMP $PWD\"; echo second >&9; echo third >&2; read line || echo no input";
    let printed = tell(&channel, &["/bin/sh", "-c", script, "sh", "a b"], &[("LAMP", "é\"")], false);
    assert!(failure(&channel).is_none());
    assert_eq!(io::read_to_string(printed).unwrap(), "a b é\" /usr\nsecond\nthird\nno input\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_takes_the_longest_message() {
    let (mut child, channel) = waiting();
    let half = "x".repeat(crate::limits::MESSAGE_BYTES_MAX / 2 - 64);
    let printed = tell(&channel, &["/bin/echo", &half, &half], &[], false);
    assert!(failure(&channel).is_none());
    assert_eq!(io::read_to_string(printed).unwrap().len(), 2 * half.len() + 2);
    child.wait().unwrap();
}

#[test]
fn it_waits_until_everything_is_mounted() {
    for is_first in [false, true] {
        let (mut child, channel) = waiting();
        if is_first {
            channel.send_bytes(&mounted(0), &[]).unwrap();
        }
        let printed = tell(&channel, &["/bin/echo", "on"], &[], true);
        if !is_first {
            let soon = Some(Instant::now() + Duration::from_millis(50));
            assert!(matches!(channel.receive::<StartFailure>(soon).unwrap(), Received::Nothing));
            channel.send_bytes(&mounted(0), &[]).unwrap();
        }
        assert!(failure(&channel).is_none());
        assert_eq!(io::read_to_string(printed).unwrap(), "on\n");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn it_says_why_it_does_not_run() {
    let (mut child, channel) = waiting();
    drop(tell(&channel, &["/nowhere/at all"], &[], false));
    match failure(&channel) {
        Some(StartFailure::Program(failure)) => assert_eq!(failure.errno, libc::ENOENT),
        other => panic!("{other:?}"),
    }
    assert_eq!(child.wait().unwrap().code(), Some(127));

    let (mut child, channel) = waiting();
    drop(tell(&channel, &["/bin/true"], &[], true));
    channel.send_bytes(&mounted(libc::EACCES), &[]).unwrap();
    match failure(&channel) {
        Some(StartFailure::OnTheWay(failure)) => {
            assert_eq!((failure.errno, failure.stage.as_str()), (libc::EACCES, "mounting what comes late"));
        }
        other => panic!("{other:?}"),
    }
    child.wait().unwrap();
}

#[test]
fn what_is_no_message_is_refused() {
    for message in [&[1; 20][..], &[0xff; 40], &[b'a'; 5]] {
        let (mut child, channel) = waiting();
        channel.send_bytes(message, &[]).unwrap();
        match failure(&channel) {
            Some(StartFailure::OnTheWay(failure)) => assert_eq!(failure.errno, libc::EINVAL),
            other => panic!("{other:?}"),
        }
        child.wait().unwrap();
    }
}

#[test]
fn it_goes_when_nobody_wants_it() {
    let (mut child, channel) = waiting();
    drop(channel);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn texts_with_a_zero_are_refused() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let mut process = ProcessSpec {
        argv: vec!["/bin/true".into()],
        env: vec![("NAME".into(), "va\0lue".into())],
        cwd: Path::new("/").into(),
        stdin: None,
        stdout: null.as_fd(),
        stderr: null.as_fd(),
        stdout_again: None,
    };
    assert_eq!(message(&process, false).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    process.env.clear();
    assert!(message(&process, false).is_ok());
}

#[test]
fn nobody_can_change_the_file_that_is_run() {
    let file = std::fs::File::from(Waiting::new().unwrap().0);
    assert_eq!((&file).write(b"x").unwrap_err().raw_os_error(), Some(libc::EPERM));
    assert_eq!(file.set_len(1).unwrap_err().raw_os_error(), Some(libc::EPERM));
}
