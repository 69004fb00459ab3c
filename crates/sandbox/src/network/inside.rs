//! What is done inside a sandbox's network namespace: addresses, routes, and the sockets that the server has there.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily as Family, route};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom_with, bind, listen, socket_with, sockopt,
};

use super::netlink::Netlink;
use crate::limits::LISTEN_BACKLOG;

/// In a new network namespace loopback is the first device.
const LOOPBACK_INDEX: u32 = 1;
const HOST_PREFIX_LENGTH: u8 = 32;

/// Brings loopback up and gives it `address` as a host address.
pub(crate) fn bring_up(address: Ipv4Addr) -> io::Result<()> {
    let netlink = Netlink::open()?;
    up(&netlink, LOOPBACK_INDEX)?;
    if address.is_loopback() {
        return Ok(());
    }
    add_address(&netlink, LOOPBACK_INDEX, address)
}

/// Brings the device up.
pub(super) fn up(netlink: &Netlink, index: u32) -> io::Result<()> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    netlink.change(RouteNetlinkMessage::SetLink(link))
}

/// Gives the device a host address.
pub(super) fn add_address(netlink: &Netlink, index: u32, address: Ipv4Addr) -> io::Result<()> {
    let mut message = AddressMessage::default();
    message.header.family = Family::Inet;
    message.header.prefix_len = HOST_PREFIX_LENGTH;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address.into())];
    netlink.create(RouteNetlinkMessage::NewAddress(message))
}

/// A route out of the device: to one address on the link, or to everywhere by way of `gateway`.
pub(super) fn add_route(
    netlink: &Netlink,
    index: u32,
    destination: Option<Ipv4Addr>,
    gateway: Option<Ipv4Addr>,
) -> io::Result<()> {
    let mut message = route::RouteMessage::default();
    message.header.address_family = Family::Inet;
    message.header.table = route::RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = route::RouteProtocol::Static;
    message.header.kind = route::RouteType::Unicast;
    message.header.scope =
        if gateway.is_some() { route::RouteScope::Universe } else { route::RouteScope::Link };
    message.attributes.push(route::RouteAttribute::Oif(index));
    if let Some(destination) = destination {
        message.header.destination_prefix_length = HOST_PREFIX_LENGTH;
        message.attributes.push(route::RouteAttribute::Destination(route::RouteAddress::Inet(destination)));
    }
    message
        .attributes
        .extend(gateway.map(|gateway| route::RouteAttribute::Gateway(route::RouteAddress::Inet(gateway))));
    netlink.create(RouteNetlinkMessage::NewRoute(message))
}

/// A listener on `address`; port zero means any.
pub(crate) fn listener(address: Ipv4Addr, port: u16) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(address, port))?;
    listen(&socket, LISTEN_BACKLOG)?;
    Ok(socket)
}

/// A connection that waits on a listener; none when nobody waits any more.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    rustix::io::ioctl_fionbio(listener.as_fd(), true)?;
    match acceptfrom_with(listener, SocketFlags::CLOEXEC) {
        Ok((connection, _)) => Ok(Some(connection)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
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
