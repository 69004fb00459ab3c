//! Starting, signalling and killing the processes of a sandbox.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, set_parent_process_death_signal, setsid};

use super::{Init, is_first_process};
use crate::channel::{Channel, Received};
use crate::identity;
use crate::layers::Layer;
use crate::protocol::{Failure, Program, Stage, StartFailure};
use crate::syscalls::{self, Fork};

/// Arguments and environment in the kernel's form.
pub(crate) struct Image {
    pub(crate) path: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
}

/// Makes a process that is all that one of the sandbox may be, but for its program: still a copy of init, it waits to be told, on the
/// other end of the channel that is returned with its number in this namespace.
///
/// ```text
/// fork ──► confined ──► waits ──Program──► exec ──► the end of its channel: the program runs
///             └─────────────┴─────────────────┴───► StartFailure
///                       └── the end: nobody wants it any more ──► gone
/// ```
pub(super) fn prepare(init: &Init<'_>, is_ahead: bool) -> Result<(i32, Channel), Failure> {
    // Close-on-exec, and nobody else has it: its end is the exec.
    let (channel, its) = Channel::pair().stage(|| "making a channel")?;
    match fork(init).stage(|| "forking")? {
        Fork::Child => {
            drop(channel);
            let Err(failure) = become_program(init, &its, is_ahead);
            // Nobody is left to tell when this fails.
            let _ = its.send(&failure, &[]);
            syscalls::exit_now(127)
        }
        Fork::Parent { pid, .. } => Ok((pid, channel)),
    }
}

/// A copy of init, in the sandbox's control group of v2 where there is one; those of v1 it joins itself.
fn fork(init: &Init<'_>) -> io::Result<Fork> {
    match &init.entrance.group {
        Some(group) => syscalls::fork_into(group.as_fd()),
        None => syscalls::fork(0),
    }
}

fn become_program(init: &Init<'_>, channel: &Channel, is_ahead: bool) -> Result<Infallible, StartFailure> {
    prepare_process(init)?;
    if is_ahead {
        rehearse();
    }
    let received = channel.receive::<Program>(None).stage(|| "waiting for a program")?;
    let Received::Message(program, streams) = received else { syscalls::exit_now(0) };
    let image = image(&program).stage(|| "reading arguments and environment")?;
    take_place(&program, &streams)?;
    nix::unistd::execve(&image.path, &image.argv, &image.env)
        .stage(|| "running the program")
        .map_err(StartFailure::Program)
}

/// Reads a program as it will come. A forked process has its memory from its parent, page by page, when it first writes to it: not while
/// somebody waits.
fn rehearse() {
    let variable =
        |number| (OsString::from(format!("VARIABLE_{number}")), OsString::from("value".repeat(12)));
    let program = Program {
        argv: vec!["/program".into()],
        env: (0..48).map(variable).collect(),
        cwd: "/".into(),
        stdout_again: None,
    };
    let read = serde_json::to_vec(&program).and_then(|text| serde_json::from_slice::<Program>(&text));
    drop(read.map(|program| image(&program)));
}

/// Everything between fork and exec that no program needs to be known for.
fn prepare_process(init: &Init<'_>) -> Result<(), Failure> {
    setsid().stage(|| "making a session")?;
    if !init.create.layers.contains(Layer::PidNamespace) {
        set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).stage(|| "tying to init")?;
    }
    // Of the program's memory, not of this.
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    identity::confine(&init.create, &init.entrance.tasks, init.filters)?;
    default_signals().stage(|| "resetting signals")
}

/// Directory and standard streams.
fn take_place(program: &Program, streams: &[OwnedFd]) -> Result<(), Failure> {
    rustix::process::chdir(&program.cwd).stage(|| format!("entering {}", program.cwd.display()))?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .stage(|| "opening /dev/null")?;
    let (stdin, stdout, stderr) = match streams {
        [stdout, stderr] => (&null, stdout, stderr),
        [stdout, stderr, stdin] => (stdin, stdout, stderr),
        _ => {
            return Err(io::Error::from(io::ErrorKind::InvalidInput)).stage(|| "taking the standard streams");
        }
    };
    identity::take_standard_streams(stdin, stdout, stderr).stage(|| "taking the standard streams")?;
    match program.stdout_again {
        Some(number) => syscalls::duplicate_to(stdout, number).stage(|| "taking standard output again"),
        None => Ok(()),
    }
}

pub(crate) fn image(program: &Program) -> io::Result<Image> {
    let text = |text: &OsString| CString::new(text.as_bytes()).map_err(io::Error::other);
    let argv = program.argv.iter().map(text).collect::<io::Result<Vec<_>>>()?;
    let path = argv.first().cloned().ok_or(io::ErrorKind::InvalidInput)?;
    let variable = |(name, value): &(OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).map_err(io::Error::other)
    };
    Ok(Image { path, argv, env: program.env.iter().map(variable).collect::<io::Result<_>>()? })
}

/// Whether a process is init's own, to be reaped by nobody else.
pub(super) fn is_child(pid: i32) -> io::Result<()> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    // Asked, not taken: of a dead one too the status is still to be told.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::Pid(pid), options)?;
    Ok(())
}

/// Sends a signal to a started process; one that is gone has its number until init has reaped it.
pub(super) fn signal(pid: i32, number: i32) {
    if let Ok(signal) = Signal::try_from(number) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
    }
}

/// Sends SIGKILL to everything below init. False when there was nothing.
pub(super) fn kill_all(init: &Init<'_>) -> io::Result<bool> {
    // "All" is the process namespace's all. Asked for outside of one it would be the host's.
    if init.create.layers.contains(Layer::PidNamespace) && is_first_process() {
        return match nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), Signal::SIGKILL) {
            Ok(()) => Ok(true),
            Err(nix::errno::Errno::ESRCH) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
    let below = descendants(rustix::process::getpid())?;
    for pid in &below {
        let _ = kill_process(*pid, rustix::process::Signal::KILL);
    }
    Ok(!below.is_empty())
}

/// Children of children, as `/proc` shows them.
fn descendants(of: Pid) -> io::Result<Vec<Pid>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        if let Some(parent) = parent_of(pid) {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.remove(0);
    Ok(found)
}

/// The fourth field of `/proc/PID/stat`; the second, the name in parentheses, may hold anything.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Pid::from_raw(rest.split_whitespace().nth(1)?.parse().ok()?)
}

/// Default handling for one signal.
pub(super) fn default_signal(signal: Signal) -> io::Result<()> {
    crate::syscalls::default_signal_action(signal as i32)
}

/// Default handling for all signals, none blocked: Rust programs ignore SIGPIPE, others do not expect that.
pub(crate) fn default_signals() -> io::Result<()> {
    for signal in Signal::iterator() {
        if !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP) {
            default_signal(signal)?;
        }
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}
