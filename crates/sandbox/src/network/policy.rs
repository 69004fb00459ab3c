//! What of the world a sandbox may reach: the plain data, and how an operator writes it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the level `internet` does not lead to: this network, private (RFC 1918), shared (RFC 6598), loopback, link-local with the
/// metadata services of clouds, IETF protocols, benchmarking (our own range lies in it), multicast, reserved and broadcast.
pub(super) const NOT_INTERNET: [(Ipv4Addr, u8); 10] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// How far the network of a sandbox leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkLevel {
    /// Nowhere: loopback, and the sockets that the server has inside.
    #[default]
    None,
    /// Out, but to no address of this host, of private or link-local networks, or of another sandbox.
    Internet,
    /// To whatever this host reaches, and this host itself; but to no other sandbox.
    Open,
}

/// A level, and what may be reached besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// See [`NetworkLevel`].
    pub level: NetworkLevel,
    /// Addresses that may be reached whatever the level says.
    pub allow: Vec<Destination>,
}

/// One entry of an allow-list: `10.0.0.5`, `10.0.0.0/24`, `10.0.0.5:5432`, `host`, `host:5432`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Destination {
    /// Where.
    pub host: DestinationHost,
    /// TCP and UDP port; all when absent.
    pub port: Option<u16>,
}

/// An address, a network, or the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DestinationHost {
    /// The machine that the server runs on; inside it is called [`NetworkPolicy::HOST_NAME`].
    ThisHost,
    /// Addresses that share their first `prefix_length` bits.
    Network {
        /// The lowest of them.
        address: Ipv4Addr,
        /// 0 to 32.
        prefix_length: u8,
    },
}

impl NetworkPolicy {
    /// The name of the machine inside, when it is allowed.
    pub const HOST_NAME: &str = "host.lambent.internal";

    /// A level with nothing besides.
    #[must_use]
    pub fn of(level: NetworkLevel) -> Self {
        Self { level, allow: Vec::new() }
    }

    /// Whether an address is reached, for whoever connects on somebody's behalf. Without a port: whether it is on every port.
    #[must_use]
    pub fn permits(&self, address: IpAddr, port: Option<u16>) -> bool {
        let address = address.to_canonical();
        let by_level = match self.level {
            NetworkLevel::None => false,
            NetworkLevel::Internet => is_internet(address),
            NetworkLevel::Open => true,
        };
        by_level || self.allow.iter().any(|destination| destination.is_at(address, port))
    }

    /// Whether anything at all is reached.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.level != NetworkLevel::None || !self.allow.is_empty()
    }

    /// Whether names are looked up: where nothing but listed addresses is reached, no name leads anywhere.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.level != NetworkLevel::None
    }

    /// Whether some of this machine's own ports are reached.
    #[must_use]
    pub fn reaches_this_host(&self) -> bool {
        self.level == NetworkLevel::Open
            || self.allow.iter().any(|destination| destination.host == DestinationHost::ThisHost)
    }
}

fn is_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_INTERNET.iter().any(|(network, bits)| is_in(address, *network, *bits)),
        IpAddr::V6(address) => is_global(address),
    }
}

/// Whether two addresses share their first bits.
fn is_in(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

/// Global unicast (RFC 4291: 2000::/3), but neither 6to4 nor Teredo, in which an address of version 4 may hide.
fn is_global(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && (first, second) != (0x2001, 0)
}

impl Destination {
    fn is_at(&self, address: IpAddr, port: Option<u16>) -> bool {
        let is_host = match (self.host, address) {
            (DestinationHost::ThisHost, address) => address.is_loopback(),
            (DestinationHost::Network { address: network, prefix_length }, IpAddr::V4(address)) => {
                is_in(address, network, prefix_length)
            }
            (DestinationHost::Network { .. }, IpAddr::V6(_)) => false,
        };
        is_host && (self.port.is_none() || self.port == port)
    }
}

impl FromStr for NetworkLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(NetworkLevel::None),
            "internet" => Ok(NetworkLevel::Internet),
            "open" => Ok(NetworkLevel::Open),
            _ => Err(format!("{text:?} is none of none, internet and open")),
        }
    }
}

impl fmt::Display for NetworkLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetworkLevel::None => "none",
            NetworkLevel::Internet => "internet",
            NetworkLevel::Open => "open",
        })
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no destination: expected ADDRESS[/BITS][:PORT] or host[:PORT]");
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(fault)?)),
            None => (text, None),
        };
        Ok(Destination { host: destination_host(host).ok_or_else(fault)?, port })
    }
}

fn destination_host(text: &str) -> Option<DestinationHost> {
    if text == "host" {
        return Some(DestinationHost::ThisHost);
    }
    let (address, prefix_length) = match text.split_once('/') {
        Some((address, bits)) => (address, bits.parse().ok().filter(|bits| *bits <= 32)?),
        None => (text, 32),
    };
    let address: Ipv4Addr = address.parse().ok()?;
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix_length)).unwrap_or(0);
    Some(DestinationHost::Network { address: Ipv4Addr::from(u32::from(address) & mask), prefix_length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_permitted_by_the_level_or_by_the_list() {
        let policy = |level, allow: &[&str]| NetworkPolicy {
            level,
            allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let internet = policy(NetworkLevel::Internet, &[]);
        let listed = policy(NetworkLevel::None, &["10.1.0.0/16", "10.2.0.5:5432", "host:80"]);
        let open = policy(NetworkLevel::Open, &[]);
        for (address, port, of_internet, of_list) in [
            ("93.184.216.34", Some(80), true, false),
            ("127.0.0.1", Some(80), false, true),
            ("127.0.0.1", Some(81), false, false),
            ("127.0.0.1", None, false, false),
            ("169.254.169.254", Some(80), false, false),
            ("::ffff:10.0.0.1", Some(80), false, false),
            ("10.1.2.3", None, false, true),
            ("10.2.0.5", Some(5432), false, true),
            ("10.2.0.5", None, false, false),
            ("2606:2800:220:1::1", Some(443), true, false),
            ("::1", Some(80), false, true),
            ("fe80::1", Some(80), false, false),
            ("fd00::1", Some(80), false, false),
            ("2002:a00:1::", Some(80), false, false),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            assert_eq!(internet.permits(ip, port), of_internet, "internet {address} {port:?}");
            assert_eq!(listed.permits(ip, port), of_list, "listed {address} {port:?}");
            assert!(open.permits(ip, port));
        }
    }
}
