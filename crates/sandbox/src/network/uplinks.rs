//! Which devices lead to where sandboxes may go, read off the host's routes. Pure.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::host::Slot;
use super::policy::{DestinationHost, NetworkLevel, NetworkPolicy};

/// A line of `/proc/net/route`.
struct Route<'a> {
    device: &'a str,
    destination: u32,
    mask: u32,
}

/// The devices on which answers come, for `policies`, from the text of `/proc/net/route`.
pub(super) fn uplinks(routes: &str, policies: &[NetworkPolicy]) -> BTreeSet<String> {
    let routes: Vec<Route<'_>> = routes.lines().skip(1).filter_map(route).collect();
    let mut found = BTreeSet::new();
    let mut add = |wanted: &dyn Fn(&Route<'_>) -> bool| {
        found.extend(routes.iter().filter(|route| wanted(route)).map(|route| route.device.to_owned()));
    };
    for policy in policies {
        match policy.level {
            NetworkLevel::None => {}
            NetworkLevel::Internet => add(&|route| route.mask == 0),
            NetworkLevel::Open => add(&|_| true),
        }
        for destination in &policy.allow {
            if let DestinationHost::Network { address, .. } = destination.host {
                let to = |route: &Route<'_>| u32::from(address) & route.mask == route.destination;
                let longest = routes.iter().filter(|route| to(route)).map(|route| route.mask).max();
                add(&|route| to(route) && Some(route.mask) == longest);
            }
        }
    }
    found
}

/// The kernel writes addresses as the bytes of the network order read as a number of this machine.
fn route(line: &str) -> Option<Route<'_>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |text: &str| {
        u32::from_str_radix(text, 16).ok().map(|number| u32::from(Ipv4Addr::from(number.to_ne_bytes())))
    };
    let device = *fields.first()?;
    let is_ours = device.starts_with(Slot::DEVICES_OF_ALL.trim_end_matches('*'));
    let route = Route { device, destination: number(fields.get(1)?)?, mask: number(fields.get(7)?)? };
    (!is_ours && device != "lo").then_some(route)
}
