//! A pair of devices that leads out of a sandbox's network namespace, point to point.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage};
use rustix::fs::{Mode, OFlags, openat};
use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::inside::{add_address, add_route, up};
use super::netlink::Netlink;

/// What the device is called inside.
pub(super) const NAME_INSIDE: &str = "eth0";

/// One pair.
pub(super) struct Pair<'a> {
    /// Of the host's end.
    pub(super) name: &'a str,
    /// What the sandbox sends from.
    pub(super) address: Ipv4Addr,
    /// The host's end, for every sandbox the same.
    pub(super) gateway: Ipv4Addr,
    /// Whether packets for the host's loopback may come in on it.
    pub(super) leads_to_loopback: bool,
}

impl Pair<'_> {
    /// Makes both ends, the other one in `namespace`, and the host's end ready. For a thread in the host's namespace, of which the settings are
    /// too.
    pub(super) fn create(
        &self,
        host: &Netlink,
        settings: &DeviceSettings,
        namespace: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut peer = LinkMessage::default();
        peer.attributes =
            vec![LinkAttribute::IfName(NAME_INSIDE.into()), LinkAttribute::NetNsFd(namespace.as_raw_fd())];
        let mut link = LinkMessage::default();
        link.attributes = vec![
            LinkAttribute::IfName(self.name.into()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        host.create(RouteNetlinkMessage::NewLink(link))?;
        let index = index(self.name)?;
        without_ipv6(settings.ipv6.as_ref(), self.name)?;
        settings.set(self.name, "forwarding")?;
        // What comes from the sandbox comes from its own address.
        settings.set(self.name, "rp_filter")?;
        if self.leads_to_loopback {
            settings.set(self.name, "route_localnet")?;
        }
        up(host, index)?;
        add_address(host, index, self.gateway)?;
        add_route(host, index, Some(self.address), None)
    }

    /// Makes the sandbox's end ready. For a thread in its namespace.
    pub(super) fn finish_inside(&self) -> io::Result<()> {
        let netlink = Netlink::open()?;
        let index = index(NAME_INSIDE)?;
        without_ipv6(folder(IPV6)?.as_ref(), NAME_INSIDE)?;
        up(&netlink, index)?;
        add_address(&netlink, index, self.address)?;
        add_route(&netlink, index, Some(self.gateway), None)?;
        add_route(&netlink, index, None, Some(self.gateway))
    }
}

/// In the calling thread's namespace.
fn index(name: &str) -> io::Result<u32> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    Ok(name_to_index(socket, name)?)
}

/// The settings of the devices of a network namespace. Opened once, since their folder is looked for among those of all namespaces, which
/// the kernel has under the same name: with a thousand that takes longer than to make a device.
#[derive(Debug)]
pub(super) struct DeviceSettings {
    ipv4: OwnedFd,
    /// Not of a kernel without IPv6.
    ipv6: Option<OwnedFd>,
}

const IPV4: &str = "/proc/sys/net/ipv4/conf";
const IPV6: &str = "/proc/sys/net/ipv6/conf";

impl DeviceSettings {
    /// Those of the calling thread's namespace.
    pub(super) fn open() -> io::Result<DeviceSettings> {
        let ipv4 = folder(IPV4)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(DeviceSettings { ipv4, ipv6: folder(IPV6)? })
    }

    fn set(&self, device: &str, setting: &str) -> io::Result<()> {
        write_one(&self.ipv4, device, setting)
    }
}

/// Of the calling thread's namespace; `None` where it is not there.
fn folder(path: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// Else both ends would have link-local addresses, and the host's services on `::` be reached by them.
fn without_ipv6(folder: Option<&OwnedFd>, device: &str) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| write_one(folder, device, "disable_ipv6"))
}

fn write_one(folder: &OwnedFd, device: &str, setting: &str) -> io::Result<()> {
    let path = format!("{device}/{setting}");
    let file = openat(folder, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::io::write(file, b"1").map(drop)?)
}
