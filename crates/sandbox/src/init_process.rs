//! The server's hold on a sandbox's first process: a descriptor while something goes on, its number while it rests.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use crate::channel::{Channel, wait_readable};
use crate::layers::{Layer, Layers};
use crate::limits::KILL_TIMEOUT;
use crate::protocol::Command;

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct InitProcess {
    pid: i32,
    /// Readable when it is gone.
    descriptor: Option<OwnedFd>,
    /// Where it may run when it may run anywhere, while it may not.
    processors: Option<CpuSet>,
}

impl InitProcess {
    /// The process with this number, as whoever made it says.
    pub(crate) fn new(pid: i32, descriptor: Option<OwnedFd>) -> Self {
        Self { pid, descriptor, processors: None }
    }

    /// The descriptor, made again if need be. `channel` is the one whose other end init has: while that is held, the number is init's.
    pub(crate) fn descriptor(&mut self, channel: &Channel) -> io::Result<BorrowedFd<'_>> {
        if self.descriptor.is_none() {
            let pid = Pid::from_raw(self.pid).ok_or(io::ErrorKind::InvalidInput)?;
            let opened = pidfd_open(pid, PidfdFlags::empty())?;
            if channel.has_ended()? {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.descriptor = Some(opened);
        }
        self.descriptor.as_ref().map(AsFd::as_fd).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Runs it on another processor than the one that the caller is on: Linux wakes whoever a message is for where its sender runs, as if
    /// that were about to sleep, and two that could work at the same time would wait for each other. Holds until
    /// [`InitProcess::move_anywhere`]; where it cannot be done nothing else is different.
    pub(crate) fn move_aside(&mut self, channel: &Channel) {
        let Some(pid) = self.number(channel) else { return };
        let Ok(all) = sched_getaffinity(Some(pid)) else { return };
        let mut others = all;
        others.unset(sched_getcpu());
        if others.count() > 0 && sched_setaffinity(Some(pid), &others).is_ok() {
            self.processors = Some(all);
        }
    }

    /// Undoes that: what it forks is to run wherever it might.
    pub(crate) fn move_anywhere(&mut self, channel: &Channel) {
        if let Some(all) = self.processors.take()
            && let Some(pid) = self.number(channel)
        {
            // An error is its end.
            let _ = sched_setaffinity(Some(pid), &all);
        }
    }

    /// Its number, while it has it.
    fn number(&self, channel: &Channel) -> Option<Pid> {
        let is_its = channel.has_ended().is_ok_and(|has_ended| !has_ended);
        is_its.then(|| Pid::from_raw(self.pid)).flatten()
    }

    /// Keeps the number only.
    pub(crate) fn close(&mut self) {
        self.descriptor = None;
    }
}

/// Ends init and waits until it is gone. Where its end is not the end of its processes it is asked to end them.
pub(crate) fn end_init(channel: &Channel, init: BorrowedFd<'_>, layers: Layers) {
    if !layers.contains(Layer::PidNamespace) && channel.send(&Command::End, &[]).is_ok() {
        let _ = wait_readable(&[init], Some(KILL_TIMEOUT));
    }
    let _ = pidfd_send_signal(init, Signal::KILL);
    let _ = wait_readable(&[init], Some(KILL_TIMEOUT));
}
