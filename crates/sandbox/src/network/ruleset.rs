//! The text of our nft table: what leaves a sandbox's device may go on, by its policy. Pure.
//!
//! The rules stand before the machine's own (priority -10) and only ever take away from what those allow: a packet that is accepted
//! here still meets them. Devices are matched by name, so nothing changes when a sandbox comes or goes.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::host::{PREFIX_LENGTH, Slot};
use super::policy::{Destination, DestinationHost, NOT_INTERNET, NetworkLevel, NetworkPolicy};
use crate::limits::CONNECTIONS_MAX;

/// Refuses so that the caller hears of it at once: `ECONNREFUSED` for TCP, `EHOSTUNREACH` else, which the kernel says six times and then
/// once a second.
const REFUSE: &str = "goto refuse";
const REFUSALS: &str = "meta l4proto tcp reject with tcp reset\nreject with icmpx admin-prohibited\n";

/// The whole table, for `nft -f -`.
pub(super) fn table(slot: Slot, data_dir_id: &str, policies: &[NetworkPolicy]) -> String {
    let (name, devices, all) = (slot.table(), slot.devices(), Slot::DEVICES_OF_ALL);
    let (owner, network) = (owner_chain(data_dir_id), slot.network());
    let mut text = format!(
        "create table inet {name}\n\
         table inet {name} {{\n\
         chain {owner} {{ }}\n\
         set forwarding {{ type ifname; }}\n\
         set connections {{ type ipv4_addr; size 65535; flags dynamic; }}\n\
         chain refuse {{\n{REFUSALS}}}\n\
         chain forward {{\n\
         type filter hook forward priority -10; policy accept;\n\
         {}\
         oifname \"{devices}\" ct state established,related accept\n\
         oifname \"{devices}\" drop\n\
         # What was not forwarded before we came is not forwarded now.\n\
         iifname @forwarding oifname != \"{all}\" drop\n}}\n\
         chain input {{\n\
         type filter hook input priority -10; policy accept;\n\
         {}}}\n\
         chain from_outside {{\n\
         type nat hook prerouting priority dstnat; policy accept;\n\
         {}}}\n\
         chain to_outside {{\n\
         type nat hook postrouting priority srcnat; policy accept;\n\
         ip saddr {network}/{PREFIX_LENGTH} oifname != \"{all}\" masquerade\n}}\n",
        jumps(slot, policies, "out"),
        jumps(slot, policies, "to_host"),
        host_ports(slot, policies)
    );
    for (position, policy) in policies.iter().enumerate() {
        let _ = write!(text, "chain out_{position} {{\n{}}}\n", out_rules(policy));
        let _ = write!(text, "chain to_host_{position} {{\n{}}}\n", to_host_rules(policy));
    }
    text + "}\n"
}

/// An empty chain that says whose the table is.
pub(super) fn owner_chain(data_dir_id: &str) -> String {
    let plain = |character: char| if character == '-' { '_' } else { character };
    format!("of_{}", data_dir_id.chars().map(plain).collect::<String>())
}

/// Each policy's devices to its chain.
fn jumps(slot: Slot, policies: &[NetworkPolicy], chain: &str) -> String {
    let jump = |position| format!("iifname \"{}\" goto {chain}_{position}\n", slot.devices_of(position));
    (0..policies.len()).map(jump).collect()
}

fn out_rules(policy: &NetworkPolicy) -> String {
    let all = Slot::DEVICES_OF_ALL;
    let mut text = format!(
        "meta nfproto ipv6 {REFUSE}\n\
         ct state established,related accept\n\
         ct state invalid drop\n\
         oifname \"{all}\" {REFUSE}\n\
         ct state new add @connections {{ ip saddr ct count over {CONNECTIONS_MAX} }} {REFUSE}\n"
    );
    for destination in &policy.allow {
        if let DestinationHost::Network { address, prefix_length } = destination.host {
            let _ = writeln!(text, "ip daddr {address}/{prefix_length} {}accept", ports(destination));
        }
    }
    match policy.level {
        NetworkLevel::None => text + REFUSE + "\n",
        NetworkLevel::Internet => text + &format!("ip daddr {{ {} }} {REFUSE}\naccept\n", not_internet()),
        NetworkLevel::Open => text + "accept\n",
    }
}

fn not_internet() -> String {
    let network = |(address, prefix_length)| format!("{address}/{prefix_length}");
    NOT_INTERNET.map(network).join(", ")
}

/// To the machine itself. Its addresses count as listed ones when they are written in the allow-list.
fn to_host_rules(policy: &NetworkPolicy) -> String {
    let mut text = format!("meta nfproto ipv6 {REFUSE}\nct state established,related accept\n");
    for destination in &policy.allow {
        let address = match destination.host {
            DestinationHost::ThisHost => format!("{}/32", Ipv4Addr::LOCALHOST),
            DestinationHost::Network { address, prefix_length } => format!("{address}/{prefix_length}"),
        };
        let _ = writeln!(text, "ip daddr {address} {}accept", ports(destination));
    }
    text + if policy.level == NetworkLevel::Open { "accept\n" } else { REFUSE } + "\n"
}

fn ports(destination: &Destination) -> String {
    destination.port.map_or(String::new(), |port| format!("meta l4proto {{ tcp, udp }} th dport {port} "))
}

/// The machine under its name is its loopback, where a database of a developer listens.
fn host_ports(slot: Slot, policies: &[NetworkPolicy]) -> String {
    let mut text = String::new();
    let loopback = Ipv4Addr::LOCALHOST;
    for (position, policy) in policies.iter().enumerate() {
        let all_ports = Destination { host: DestinationHost::ThisHost, port: None };
        let by_level = (policy.level == NetworkLevel::Open).then_some(&all_ports);
        let listed = policy.allow.iter().filter(|destination| destination.host == DestinationHost::ThisHost);
        for destination in listed.chain(by_level) {
            let devices = slot.devices_of(position);
            let only = match destination.port {
                Some(_) => ports(destination),
                None => "meta l4proto { tcp, udp } ".to_owned(),
            };
            let gateway = slot.gateway();
            let _ = writeln!(text, "iifname \"{devices}\" ip daddr {gateway} {only}dnat ip to {loopback}");
        }
    }
    text
}
