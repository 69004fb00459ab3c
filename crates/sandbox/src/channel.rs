//! Messages with descriptors between server, spawner and init: one JSON document per sequenced packet.

use std::fmt::Debug;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv, recvmsg, sendmsg, shutdown,
    socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_DESCRIPTORS_MAX, SEND_TIMEOUT};

/// Whatever holds a descriptor: a reactor may want to be that.
pub(crate) trait Holder: AsFd + Debug + Send + Sync {}

impl<T: AsFd + Debug + Send + Sync> Holder for T {}

/// One end of a conversation.
#[derive(Debug)]
pub(crate) struct Channel(Arc<dyn Holder>);

/// What came.
pub(crate) enum Received<T> {
    /// A message and its descriptors.
    Message(T, Vec<OwnedFd>),
    /// Nothing within the time given.
    Nothing,
    /// The other side is gone.
    End,
}

impl Channel {
    /// Both ends.
    pub(crate) fn pair() -> io::Result<(Channel, Channel)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Channel::from_fd(a), Channel::from_fd(b)))
    }

    /// An end that came from elsewhere.
    pub(crate) fn from_fd(fd: OwnedFd) -> Channel {
        Channel(Arc::new(fd))
    }

    /// The descriptor, for handing it on to a process.
    pub(crate) fn into_fd(self) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }

    /// Changes who holds the descriptor. `hold` gets a duplicate; this end goes on with what it returns.
    pub(crate) fn held_by<T: Holder + 'static>(
        &mut self,
        hold: impl FnOnce(OwnedFd) -> io::Result<T>,
    ) -> io::Result<Arc<T>> {
        let held = Arc::new(hold(self.as_fd().try_clone_to_owned()?)?);
        self.0 = held.clone();
        Ok(held)
    }

    /// Ends the conversation while the descriptor stays: the other side sees the end.
    pub(crate) fn close(&self) {
        // Already closed by the other side is closed.
        let _ = shutdown(self.as_fd(), Shutdown::Both);
    }

    /// Whether nobody has the other end any more, however much is still to be read.
    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        let mut polled = [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::empty())];
        rustix::io::retry_on_intr(|| poll(&mut polled, Some(&Timespec::default())))?;
        Ok(polled.iter().any(|fd| fd.revents().contains(PollFlags::HUP)))
    }

    /// Sends one message, whole or not at all; several threads may send at a time.
    ///
    /// # Errors
    /// `EMSGSIZE` for a message beyond [`MESSAGE_BYTES_MAX`], `EPIPE` when the other side is gone.
    pub(crate) fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_bytes(&serde_json::to_vec(message)?, descriptors)
    }

    /// The same for what is no document.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn send_bytes(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.len() > MESSAGE_BYTES_MAX || descriptors.len() > MESSAGE_DESCRIPTORS_MAX {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE_DESCRIPTORS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        loop {
            let sent = rustix::io::retry_on_intr(|| {
                sendmsg(self.as_fd(), &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)
            });
            match sent {
                // Whoever watches the descriptor may have made it non-blocking.
                Err(rustix::io::Errno::AGAIN) => wait_writable(self.as_fd())?,
                sent => return Ok(sent.map(drop)?),
            }
        }
    }

    /// Waits for a message, for ever or until `deadline`.
    pub(crate) fn receive<T: DeserializeOwned>(&self, deadline: Option<Instant>) -> io::Result<Received<T>> {
        loop {
            if !wait_readable(
                &[self.as_fd()],
                deadline.map(|at| at.saturating_duration_since(Instant::now())),
            )? {
                return Ok(Received::Nothing);
            }
            match self.try_receive()? {
                // Another thread was faster.
                Received::Nothing => {}
                received => return Ok(received),
            }
        }
    }

    /// Takes a message that is there already.
    pub(crate) fn try_receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        let Some(length) = self.next_length()? else { return Ok(Received::Nothing) };
        let mut bytes = vec![0; length];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE_DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(self.as_fd(), &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)
        });
        let received = match received {
            Ok(received) => received,
            Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
            Err(rustix::io::Errno::CONNRESET) => return Ok(Received::End),
            Err(error) => return Err(error.into()),
        };
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                descriptors.extend(fds);
            }
        }
        if received.bytes == 0 {
            return Ok(Received::End);
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        let message = serde_json::from_slice(bytes.get(..received.bytes).unwrap_or_default())?;
        Ok(Received::Message(message, descriptors))
    }
}

impl Channel {
    /// Bytes of the message that is next, `None` when there is none: a buffer for any message would be 48 pages to touch.
    fn next_length(&self) -> io::Result<Option<usize>> {
        let flags = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
        match rustix::io::retry_on_intr(|| recv(self.as_fd(), &mut [0_u8; 1], flags)) {
            // The whole message's, also when a part of it was asked for (recv(2)). One byte more tells what is as long as it may be.
            Ok((_, length)) => Ok(Some(length.min(MESSAGE_BYTES_MAX) + 1)),
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            // What is wrong is found again by whoever reads.
            Err(_) => Ok(Some(1)),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until one of `descriptors` can be read or has ended; false when `timeout` is over first.
pub(crate) fn wait_readable(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<bool> {
    Ok(readable(descriptors, timeout)?.contains(&true))
}

/// The same, telling of each of them.
pub(crate) fn readable(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let mut polled: Vec<_> =
        descriptors.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    rustix::io::retry_on_intr(|| poll(&mut polled, timeout.as_ref()))?;
    Ok(polled.iter().map(|polled| !polled.revents().is_empty()).collect())
}

/// Waits until the other side has made room.
fn wait_writable(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let timeout = Timespec::try_from(SEND_TIMEOUT).map_err(io::Error::other)?;
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    match rustix::io::retry_on_intr(|| poll(&mut polled, Some(&timeout)))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
