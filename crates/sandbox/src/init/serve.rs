//! Init's loop: commands from the server, deaths from the kernel.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::kept::Kept;
use super::renew::{self, Untouched};
use super::{Init, Sockets, processes};
use crate::channel::{Channel, Received, readable, wait_readable};
use crate::event::{ProcessId, SandboxEvent};
use crate::limits::{CONNECTIONS_WAITING_MAX, KILL_TIMEOUT, RETRY_PAUSE};
use crate::network::inside;
use crate::protocol::{Command, Failure, Report, SocketReport, SocketRequest, Stage};
use crate::{mounts, syscalls, waiting};

/// The processes made and not yet dead, by their number in this namespace.
type Running = BTreeMap<i32, ProcessId>;

/// Serves until the server says `End` or is gone. Everything that runs is killed on the way out.
pub(super) fn serve(init: &mut Init<'_>, sockets: Sockets) {
    let Sockets { handed_over, accepting } = sockets;
    let kept = Kept::new(handed_over);
    let untouched = Untouched::now().ok();
    let mut state =
        State { running: Running::new(), accepting, kept, bound: Vec::new(), prepared: None, untouched };
    // An error here is one of the channel or of the signal descriptor: there is nobody to tell.
    let _ = serve_until_end(init, &mut state);
    let _ = kill_all(init, &mut state.running);
}

/// What changes while init serves.
struct State {
    running: Running,
    /// Where init itself accepts, with the port that was asked for.
    accepting: Vec<(u16, OwnedFd)>,
    /// What the server may close.
    kept: Kept,
    /// Where something was mounted late.
    bound: Vec<PathBuf>,
    /// The server's end of the channel of a process that may not run its program before something is mounted.
    prepared: Option<Channel>,
    /// How `/tmp` looked when nobody had been there.
    untouched: Option<Untouched>,
}

/// Behind the channel, among what init waits for.
const DEATHS: usize = 1;

fn serve_until_end(init: &mut Init<'_>, state: &mut State) -> io::Result<()> {
    let deaths = deaths()?;
    let mut wanting_sockets = Vec::new();
    let mut room = CONNECTIONS_WAITING_MAX;
    loop {
        let mut descriptors = vec![init.channel.as_fd(), deaths.as_fd()];
        descriptors.extend(wanting_sockets.iter().map(Channel::as_fd));
        let accepting: &[_] = if room > 0 { &state.accepting } else { &[] };
        descriptors.extend(accepting.iter().map(|(_, listener)| listener.as_fd()));
        descriptors.extend(state.kept.watched());
        let readable = readable(&descriptors, None)?;
        let is_readable = |index: usize| readable.get(index).copied().unwrap_or(true);
        if is_readable(DEATHS) {
            while deaths.read_signal()?.is_some() {}
            report_deaths(init, &mut state.running)?;
        }
        // Somebody waits for what the server says: what has nothing to tell is not asked meanwhile.
        if readable.iter().skip(DEATHS + 1).any(|is_readable| *is_readable) {
            state.kept.hand_over(&init.channel)?;
            wanting_sockets.retain(serve_sockets);
            for (port, listener) in accepting {
                room = room.saturating_sub(usize::from(hand_over(init, *port, listener)?));
            }
        }
        match init.channel.try_receive::<Command>()? {
            Received::Nothing => {}
            Received::End | Received::Message(Command::End, _) => return Ok(()),
            Received::Message(Command::Taken { connections }, _) => room += connections,
            Received::Message(Command::Watch, _) => state.kept.watch(),
            Received::Message(Command::ServeSockets, descriptors) => {
                wanting_sockets.extend(descriptors.into_iter().map(Channel::from_fd));
            }
            Received::Message(Command::Renew { groups }, descriptors) => {
                renew(init, state, (groups, descriptors))?;
                wanting_sockets.clear();
                room = CONNECTIONS_WAITING_MAX;
            }
            Received::Message(command, descriptors) => obey(init, state, command, descriptors)?,
        }
    }
}

/// One connection to each listener and turn, if there is one: whoever opens many keeps nobody from being heard.
fn hand_over(init: &Init<'_>, port: u16, listener: &OwnedFd) -> io::Result<bool> {
    match inside::accept(listener) {
        Ok(Some(connection)) => {
            init.channel.send(&Report::Connection { port }, &[connection.as_fd()])?;
            Ok(true)
        }
        // Too many files: the next turn may have room.
        Ok(None) | Err(_) => Ok(false),
    }
}

/// Makes the sockets that are asked for on `channel`. False when nobody will ask any more.
fn serve_sockets(channel: &Channel) -> bool {
    loop {
        match channel.try_receive::<SocketRequest>() {
            Ok(Received::Message(..)) => {
                let told = match inside::stream_socket().stage(|| "making a socket") {
                    Ok(socket) => channel.send(&SocketReport::Made, &[socket.as_fd()]),
                    Err(failure) => channel.send(&SocketReport::Failed(failure), &[]),
                };
                if told.is_err() {
                    return false;
                }
            }
            Ok(Received::Nothing) => return true,
            Ok(Received::End) | Err(_) => return false,
        }
    }
}

fn deaths() -> io::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    Ok(SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

/// Answers the command to be as new.
fn renew(
    init: &mut Init<'_>,
    state: &mut State,
    groups: (Option<(usize, bool)>, Vec<OwnedFd>),
) -> io::Result<()> {
    state.accepting.clear();
    state.kept = Kept::new(Vec::new());
    match renew::renew(init, state.untouched, &mut state.bound, groups) {
        Ok(Sockets { handed_over, accepting }) => {
            let descriptors: Vec<_> = handed_over.iter().map(AsFd::as_fd).collect();
            let told = init.channel.send(&Report::Renewed, &descriptors);
            (state.accepting, state.kept) = (accepting, Kept::new(handed_over));
            told
        }
        Err(failure) => init.channel.send(&Report::Failed(failure), &[]),
    }
}

fn obey(init: &Init<'_>, state: &mut State, command: Command, descriptors: Vec<OwnedFd>) -> io::Result<()> {
    let running = &mut state.running;
    match command {
        Command::Bind { targets, is_answered } => {
            let bound = mounts::bind_late(&descriptors, &targets);
            if let Some(prepared) = state.prepared.take() {
                let errno = bound.as_ref().err().map_or(0, |failure| failure.errno.max(1));
                // One that is gone is heard of all the same.
                let _ = prepared.send_bytes(&waiting::mounted(errno), &[]);
            }
            match bound {
                Ok(()) => {
                    state.bound.extend(targets);
                    if is_answered { init.channel.send(&Report::Bound, &[]) } else { Ok(()) }
                }
                Err(failure) => init.channel.send(&Report::Failed(failure), &[]),
            }
        }
        Command::Prepare { process, is_ahead } => match processes::prepare(init) {
            Ok((pid, channel)) => {
                running.insert(pid, process);
                if is_ahead {
                    state.prepared = Some(Channel::from_fd(channel.as_fd().try_clone_to_owned()?));
                }
                init.channel.send(&Report::Prepared, &[channel.as_fd()])
            }
            Err(failure) => init.channel.send(&Report::NotStarted(failure), &[]),
        },
        Command::Adopt { process, pid } => {
            let report = match processes::is_child(pid).stage(|| "looking for a forked process") {
                Ok(()) => {
                    running.insert(pid, process);
                    Report::Adopted
                }
                Err(failure) => Report::NotStarted(failure),
            };
            init.channel.send(&report, &[])
        }
        Command::Signal { process, number } => {
            if let Some((pid, _)) = running.iter().find(|(_, running)| **running == process) {
                processes::signal(*pid, number);
            }
            Ok(())
        }
        Command::KillProcesses => {
            state.prepared = None;
            let report = match kill_all(init, running) {
                Ok(()) => Report::Killed,
                Err(failure) => Report::Failed(failure),
            };
            init.channel.send(&report, &[])
        }
        Command::Mapped
        | Command::End
        | Command::Watch
        | Command::ServeSockets
        | Command::Renew { .. }
        | Command::Taken { .. } => Ok(()),
    }
}

/// Takes the status of every dead child and tells the server of those that it knows; how many there were.
fn report_deaths(init: &Init<'_>, running: &mut Running) -> io::Result<usize> {
    let mut buried = 0;
    loop {
        let dead = match syscalls::reap_one() {
            Ok(Some(dead)) => dead,
            Ok(None) => return Ok(buried),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(buried),
            Err(error) => return Err(error),
        };
        buried += 1;
        if let Some(process) = running.remove(&dead.pid) {
            let event = SandboxEvent::Exited { process, status: dead.status, usage: dead.usage };
            init.channel.send(&Report::Event(event), &[])?;
        }
    }
}

/// Kills until nothing is left: a process that forks faster than it is found is met again in the next round.
fn kill_all(init: &Init<'_>, running: &mut Running) -> Result<(), Failure> {
    let deadline = Instant::now() + KILL_TIMEOUT;
    // Without one they are killed all the same.
    let deaths = deaths().ok();
    loop {
        let any = processes::kill_all(init).stage(|| "killing processes")?;
        // The channel may be gone already; that is no reason to stop killing.
        let buried = report_deaths(init, running).unwrap_or(0);
        if !any {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::from(io::ErrorKind::TimedOut)).stage(|| "waiting for killed processes");
        }
        // The signal of one that was buried may be gone already, with that of another.
        if buried == 0 {
            wait_for_death(deaths.as_ref());
        }
    }
}

/// For as long as it is worth to wait before another look.
fn wait_for_death(deaths: Option<&SignalFd>) {
    let Some(deaths) = deaths else { return std::thread::sleep(RETRY_PAUSE) };
    let _ = wait_readable(&[deaths.as_fd()], Some(RETRY_PAUSE));
    while matches!(deaths.read_signal(), Ok(Some(_))) {}
}
