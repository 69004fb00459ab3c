//! Requests to the kernel's routing tables, one at a time, in the network namespace in which the socket was made.

use std::io;
use std::os::fd::OwnedFd;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// The kernel's verdict quotes the request, which is a few hundred bytes long.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// A socket to ask with.
#[derive(Debug)]
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    /// In the calling thread's network namespace, and there for ever.
    pub(super) fn open() -> io::Result<Netlink> {
        Ok(Netlink(socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?))
    }

    /// Makes something new.
    ///
    /// # Errors
    /// `EEXIST` when it is there already.
    pub(super) fn create(&self, message: RouteNetlinkMessage) -> io::Result<()> {
        self.ask(message, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Changes what there is.
    pub(super) fn change(&self, message: RouteNetlinkMessage) -> io::Result<()> {
        self.ask(message, 0)
    }

    /// Sends one request and waits for the kernel's verdict, which it gives before `sendto` returns.
    fn ask(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        sendto(&self.0, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;

        let mut answer = vec![0; ANSWER_BYTES_MAX];
        let (_, length) = recv(&self.0, &mut answer, RecvFlags::empty())?;
        let answer = answer.get(..length).unwrap_or_default();
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(answer).map_err(io::Error::other)?.payload {
            NetlinkPayload::Error(error) => error.code.map_or(Ok(()), |_| Err(error.to_io())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
