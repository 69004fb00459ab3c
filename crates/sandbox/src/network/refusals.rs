//! What the namespace of an ordinary user's sandbox refuses: routing rules, which its processes have no right to change.

use std::io;
use std::net::Ipv4Addr;

use netlink_packet_route::route::RouteHeader;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage, RulePortRange};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};

use super::netlink::Netlink;
use super::policy::{DestinationHost, NOT_INTERNET, NetworkLevel, NetworkPolicy};

/// Before the rules of the kernel (32,766 and up), behind the one for the namespace's own addresses (0).
const FIRST_PRIORITY: u32 = 100;

/// One rule; the first that matches decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Where to.
    pub(super) network: (Ipv4Addr, u8),
    /// Which port of it; every packet when absent.
    pub(super) port: Option<u16>,
    pub(super) allows: bool,
}

/// The rules of `policy` on a machine that has `own_addresses`.
pub(super) fn rules(policy: &NetworkPolicy, gateway: Ipv4Addr, own_addresses: &[Ipv4Addr]) -> Vec<Rule> {
    let allowed = policy.allow.iter().map(|destination| {
        let network = match destination.host {
            DestinationHost::ThisHost => (gateway, 32),
            DestinationHost::Network { address, prefix_length } => (address, prefix_length),
        };
        Rule { network, port: destination.port, allows: true }
    });
    let refuse = |network| Rule { network, port: None, allows: false };
    let refused: Vec<Rule> = match policy.level {
        NetworkLevel::Open => Vec::new(),
        NetworkLevel::None => vec![refuse((Ipv4Addr::UNSPECIFIED, 0))],
        NetworkLevel::Internet => {
            let own = own_addresses.iter().map(|address| (*address, 32));
            NOT_INTERNET.into_iter().chain(own).map(refuse).collect()
        }
    };
    allowed.chain(refused).collect()
}

/// Puts the rules of `policy` into the calling process's namespace.
pub(crate) fn refuse(
    policy: &NetworkPolicy,
    gateway: Ipv4Addr,
    own_addresses: &[Ipv4Addr],
) -> io::Result<()> {
    let netlink = Netlink::open()?;
    for (priority, rule) in (FIRST_PRIORITY..).zip(rules(policy, gateway, own_addresses)) {
        let protocols: &[Option<IpProtocol>] = match rule.port {
            Some(_) => &[Some(IpProtocol::Tcp), Some(IpProtocol::Udp)],
            None => &[None],
        };
        for protocol in protocols {
            netlink.create(RouteNetlinkMessage::NewRule(message(rule, priority, *protocol)))?;
        }
    }
    Ok(())
}

fn message(rule: Rule, priority: u32, protocol: Option<IpProtocol>) -> RuleMessage {
    let (address, prefix_length) = rule.network;
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.dst_len = prefix_length;
    message.attributes.push(RuleAttribute::Priority(priority));
    if prefix_length > 0 {
        message.attributes.push(RuleAttribute::Destination(address.into()));
    }
    message.header.action = if rule.allows { RuleAction::ToTable } else { RuleAction::Unreachable };
    if rule.allows {
        message.header.table = RouteHeader::RT_TABLE_MAIN;
    }
    message.attributes.extend(protocol.map(RuleAttribute::IpProtocol));
    let range = rule.port.map(|port| RulePortRange { start: port, end: port });
    message.attributes.extend(range.map(RuleAttribute::DestinationPortRange));
    message
}
