//! The server's hold on a sandbox's first process: a descriptor while something goes on, its number while it rests.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

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
}

impl InitProcess {
    /// The process with this number, as whoever made it says.
    pub(crate) fn new(pid: i32, descriptor: Option<OwnedFd>) -> Self {
        Self { pid, descriptor }
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
