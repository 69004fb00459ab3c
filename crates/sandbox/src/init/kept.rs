//! Sockets that init made and handed over, and keeps for when the server has closed its own: it looks at them then, and hands one over
//! again when somebody wants it.
//!
//! A server has few descriptors and many environments, of which nearly all are idle; every init has its own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::channel::{Channel, wait_readable};
use crate::protocol::Report;

/// See the module's doc.
pub(super) struct Kept(Vec<Socket>);

struct Socket {
    descriptor: OwnedFd,
    /// Whether the server has none of its own.
    is_watched: bool,
}

impl Kept {
    /// In the order in which they were handed over.
    pub(super) fn new(sockets: Vec<OwnedFd>) -> Self {
        Self(sockets.into_iter().map(|descriptor| Socket { descriptor, is_watched: false }).collect())
    }

    /// The server has closed all of its own.
    pub(super) fn watch(&mut self) {
        self.0.iter_mut().for_each(|socket| socket.is_watched = true);
    }

    /// Those to wait for.
    pub(super) fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().filter(|socket| socket.is_watched).map(|socket| socket.descriptor.as_fd())
    }

    /// Hands over what somebody has sent something to.
    pub(super) fn hand_over(&mut self, channel: &Channel) -> io::Result<()> {
        for (number, socket) in self.0.iter_mut().enumerate().filter(|(_, socket)| socket.is_watched) {
            if wait_readable(&[socket.descriptor.as_fd()], Some(Duration::ZERO))? {
                channel.send(&Report::Wanted { socket: number }, &[socket.descriptor.as_fd()])?;
                socket.is_watched = false;
            }
        }
        Ok(())
    }
}
