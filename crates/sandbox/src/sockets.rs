//! Sockets of a sandbox's network for the server: made by init, which lives there, and handed over.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::channel::{Channel, Received};
use crate::limits::SOCKET_TIMEOUT;
use crate::protocol::{SocketReport, SocketRequest};

/// Sockets that init made and handed over.
#[derive(Debug, Default)]
pub(crate) struct SandboxSockets {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) datagram: Vec<UdpSocket>,
}

impl SandboxSockets {
    /// So many listeners, then datagram sockets.
    pub(crate) fn of(mut descriptors: Vec<OwnedFd>, listeners: usize) -> SandboxSockets {
        let datagram = descriptors.split_off(listeners.min(descriptors.len()));
        SandboxSockets {
            listeners: descriptors.into_iter().map(TcpListener::from).collect(),
            datagram: datagram.into_iter().map(UdpSocket::from).collect(),
        }
    }
}

/// A socket that was rested, and that somebody wants; its number is that in the order of its kind.
#[derive(Debug)]
pub enum WantedSocket {
    /// Of the listeners.
    Listener(usize, TcpListener),
    /// Of what takes datagrams.
    Datagram(usize, UdpSocket),
}

impl WantedSocket {
    /// The one of this number among all, of which so many are listeners.
    pub(crate) fn of(number: usize, listeners: usize, descriptor: OwnedFd) -> WantedSocket {
        match number.checked_sub(listeners) {
            None => WantedSocket::Listener(number, descriptor.into()),
            Some(number) => WantedSocket::Datagram(number, descriptor.into()),
        }
    }
}

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
