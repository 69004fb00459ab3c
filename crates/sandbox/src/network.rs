//! The network of a sandbox: its own namespace with loopback and one address, and listeners made inside by init.
//!
//! Nothing else is reachable: the namespace has no other device and no route. Levels that lead further will add
//! their devices here.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, listen, recv, sendto, socket_with,
    sockopt,
};

use crate::limits::LISTEN_BACKLOG;

// From linux/rtnetlink.h, linux/netlink.h and linux/if_addr.h.
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST_ACK: u16 = 1 | 4;
const IFA_LOCAL: u16 = 2;
const IFF_UP: u32 = 1;
/// In a new network namespace loopback is the first device.
const LOOPBACK_INDEX: u32 = 1;

/// Brings loopback up and gives it `address` as a host address.
pub(crate) fn bring_up(address: Ipv4Addr) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    ask(&socket, RTM_NEWLINK, &link_up())?;
    if address.is_loopback() {
        return Ok(());
    }
    ask(&socket, RTM_NEWADDR, &host_address(address))
}

/// A listener on `address`; port zero means any.
pub(crate) fn listener(address: Ipv4Addr, port: u16) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(address, port))?;
    listen(&socket, LISTEN_BACKLOG)?;
    Ok(socket)
}

/// A socket that takes datagrams sent to `address`; port zero means any.
pub(crate) fn datagram_socket(address: Ipv4Addr, port: u16) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    bind(&socket, &SocketAddrV4::new(address, port))?;
    Ok(socket)
}

/// A socket that can connect to listeners inside.
pub(crate) fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?)
}

/// `struct ifinfomsg`.
fn link_up() -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(LOOPBACK_INDEX.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body
}

/// `struct ifaddrmsg` and one attribute.
fn host_address(address: Ipv4Addr) -> Vec<u8> {
    const FAMILY_INET: u8 = 2;
    const PREFIX_LENGTH: u8 = 32;
    let mut body = vec![FAMILY_INET, PREFIX_LENGTH, 0, 0];
    body.extend(LOOPBACK_INDEX.to_ne_bytes());
    body.extend(8_u16.to_ne_bytes());
    body.extend(IFA_LOCAL.to_ne_bytes());
    body.extend(address.octets());
    body
}

/// Sends one request and waits for the kernel's verdict, which it gives before `sendto` returns.
fn ask(socket: &OwnedFd, kind: u16, body: &[u8]) -> io::Result<()> {
    const HEADER_BYTES: usize = 16;
    let length = u32::try_from(HEADER_BYTES + body.len()).map_err(io::Error::other)?;
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    sendto(socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;

    let mut answer = [0; 512];
    let (_, length) = recv(socket, &mut answer, RecvFlags::empty())?;
    verdict(answer.get(..length).unwrap_or_default())
}

/// Reads `struct nlmsgerr`: zero is success.
fn verdict(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}
