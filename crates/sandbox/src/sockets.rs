//! Sockets of a sandbox's network for the server: made by init, which lives there, and handed over.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::channel::{Channel, Received};
use crate::limits::SOCKET_TIMEOUT;
use crate::protocol::{SocketReport, SocketRequest};

/// Makes sockets, apart from whoever drives the sandbox. Asks init each time, for well under a millisecond.
#[derive(Debug)]
pub struct SocketMaker(Mutex<Channel>);

impl SocketMaker {
    pub(crate) fn new(channel: Channel) -> SocketMaker {
        SocketMaker(Mutex::new(channel))
    }

    /// A stream socket that is not connected yet and does not block. Connected to an address, it reaches who listens there inside.
    ///
    /// # Errors
    /// When the sandbox is gone, or has no room for another socket.
    pub fn stream(&self) -> io::Result<TcpStream> {
        let channel = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channel.send(&SocketRequest, &[])?;
        match channel.receive::<SocketReport>(Some(Instant::now() + SOCKET_TIMEOUT))? {
            Received::Message(SocketReport::Made, descriptors) => {
                let socket: Option<OwnedFd> = descriptors.into_iter().next();
                Ok(TcpStream::from(socket.ok_or(io::ErrorKind::InvalidData)?))
            }
            Received::Message(SocketReport::Failed(failure), _) => Err(failure.source()),
            Received::Nothing => Err(io::ErrorKind::TimedOut.into()),
            Received::End => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}
