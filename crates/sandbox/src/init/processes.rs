//! Starting, signalling and killing the processes of a sandbox.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, set_parent_process_death_signal, setsid};

use super::{Init, is_first_process};
use crate::channel::Channel;
use crate::identity;
use crate::layers::Layer;
use crate::protocol::{Failure, Stage, StartFailure};
use crate::syscalls::{self, Fork};

/// Makes a process that is all that one of the sandbox may be, but for its program: it waits to be told, on the other end of the channel that
/// is returned with its number in this namespace.
///
/// ```text
/// fork ──► confined ──► the program that waits ──► exec: the end of its channel
///             └─────────────┴─────────────────────► StartFailure
/// ```
pub(super) fn prepare(init: &Init<'_>) -> Result<(i32, Channel), Failure> {
    // Nobody else has it: its end is the exec.
    let (channel, its) = Channel::pair().stage(|| "making a channel")?;
    match fork(init).stage(|| "forking")? {
        Fork::Child => {
            drop(channel);
            let Err(failure) = wait_for_program(init, &its);
            // Nobody is left to tell when this fails.
            let _ = its.send(&StartFailure::OnTheWay(failure), &[]);
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

fn wait_for_program(init: &Init<'_>, channel: &Channel) -> Result<Infallible, Failure> {
    prepare_process(init)?;
    init.waiting.run(channel).stage(|| "waiting for a program")
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
