//! The network of a sandbox: a namespace of its own, and what of the world it reaches.
//!
//! ```text
//!  sandbox                              │ host
//!  lo    127.0.0.1, spec.address        │
//!  eth0  198.18.x.y/32 ── veth pair ────│─ lmbS.P.N ── our nft table ── uplink (masqueraded)
//! ```
//! S is this server's slot of [`host::RANGE`], P the position of the policy, N the sandbox. At level `none`, and where nothing is
//! allowed, there is no pair: loopback is all there is. The rules ([`ruleset`]) know sandboxes by the names of their devices,
//! so that they are written once, when the server starts. Namespaces are made ahead by a thread ([`pool`]); a sandbox joins one.
//! Sockets inside are made by init ([`inside`]) and handed over: no other sandbox can reach them, whatever the level.
//!
//! An ordinary user may make no pair: a process carries the traffic of each sandbox ([`pasta`]).

pub(crate) mod host;
pub(crate) mod inside;
mod netlink;
pub(crate) mod pasta;
mod policy;
mod pool;
pub(crate) mod refusals;
mod ruleset;
mod source;
mod uplinks;
mod veth;

/// What a sandbox holds of the network outside it, given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct NetworkLease {
    /// Its number on this host.
    pub(crate) _number: Option<pool::Lease>,
    /// Who carries its traffic, where that is a process.
    pub(crate) _carried: Option<pasta::Pasta>,
}

pub(crate) use source::{Networks, network_fault};

pub use policy::{Destination, DestinationHost, NetworkLevel, NetworkPolicy};

#[cfg(test)]
mod tests;
