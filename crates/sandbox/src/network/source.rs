//! Where the networks of a launcher's sandboxes come from.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::ifaddrs::getifaddrs;

use super::host::{self, HostNetwork};
use super::pasta::{self, PastaProgram};
use super::policy::NetworkPolicy;
use super::pool::{Lease, NetworkPool};
use crate::error::SandboxError;
use crate::protocol::{Identity, Network};
use crate::sweep;

/// See the module's doc.
#[derive(Debug)]
pub(crate) enum Networks {
    /// Made with each sandbox, and leading nowhere.
    Shut,
    /// Made ahead by a server that is root.
    Pool(NetworkPool),
    /// Made with each sandbox of an ordinary user, and carried.
    Carried(PastaProgram),
}

impl Networks {
    /// What leads as far as `policies` say.
    ///
    /// # Errors
    /// [`SandboxError::NetworkUnavailable`] with the reason.
    pub(crate) fn start(
        (data_dir_id, run_dir): (&str, &Path),
        policies: &[NetworkPolicy],
        identity: Identity,
    ) -> Result<Networks, SandboxError> {
        let leads_out = policies.iter().any(NetworkPolicy::reaches_out);
        if leads_out {
            sweep::record_network(run_dir).map_err(SandboxError::Spawner)?;
        }
        match (identity, leads_out) {
            (Identity::HostRoot, true) => {
                NetworkPool::start(Some(HostNetwork::start(data_dir_id, policies)?)).map(Networks::Pool)
            }
            (Identity::HostRoot, false) => NetworkPool::start(None).map(Networks::Pool),
            (Identity::Subordinate | Identity::SingleUser, true) => PastaProgram::find(data_dir_id)
                .map(Networks::Carried)
                .map_err(SandboxError::NetworkUnavailable),
            _ => Ok(Networks::Shut),
        }
    }

    /// One sandbox's: what init is told, the namespace that it joins, the number that it has.
    pub(crate) fn of(
        &self,
        policy: &NetworkPolicy,
    ) -> Result<(Network, Option<OwnedFd>, Option<Lease>), SandboxError> {
        match self {
            Networks::Pool(pool) => {
                let network = pool.take(policy)?;
                Ok((Network::Joined, Some(network.namespace), Some(network.lease)))
            }
            Networks::Carried(_) if policy.reaches_out() => {
                let own_addresses = own_addresses().map_err(|source| SandboxError::Network { source })?;
                Ok((Network::Carried { own_addresses }, None, None))
            }
            _ => Ok((Network::Own, None, None)),
        }
    }

    /// Who carries the traffic of a sandbox with `policy`.
    pub(crate) fn carrier(&self, policy: &NetworkPolicy) -> Option<&PastaProgram> {
        match self {
            Networks::Carried(program) if policy.reaches_out() => Some(program),
            _ => None,
        }
    }

    /// The machine as sandboxes see it.
    pub(crate) fn host_address(&self) -> Option<Ipv4Addr> {
        match self {
            Networks::Shut => None,
            Networks::Pool(pool) => pool.host().map(HostNetwork::gateway),
            Networks::Carried(_) => Some(pasta::GATEWAY),
        }
    }
}

/// Why no policy that leads anywhere can be had, as far as that can be told without changing the machine.
pub(crate) fn network_fault(is_root: bool) -> Option<String> {
    if is_root {
        return host::program_fault();
    }
    PastaProgram::find("doctor").err()
}

/// Of every device of this machine, now.
fn own_addresses() -> std::io::Result<Vec<Ipv4Addr>> {
    let addresses = getifaddrs()?.filter_map(|device| Some(device.address?.as_sockaddr_in()?.ip()));
    Ok(addresses.collect())
}
