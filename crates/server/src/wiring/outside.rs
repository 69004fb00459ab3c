//! What messages of SNS leave this server by, and what leads back to it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use sandbox::{NetworkLevel, NetworkPolicy};
use services::sns::Links;

use super::{BuildError, failed};
use crate::{
    configuration::{Auth, Configuration},
    outside::{Relay, WaysOut},
};

/// The ways out. Where anybody may do anything, they go anywhere; else to no private address that is not on
/// the operator's list: whoever may subscribe must not reach by this server what is not for them.
pub(super) fn ways_out(configuration: &Configuration) -> Result<Arc<WaysOut>, BuildError> {
    let of_functions = &configuration.execution.networks.policy;
    let policy = match configuration.auth {
        Auth::Off => NetworkPolicy::of(NetworkLevel::Open),
        Auth::Enforce => {
            NetworkPolicy { level: of_functions.level.max(NetworkLevel::Internet), ..of_functions.clone() }
        }
    };
    let relay = configuration.mail_relay.as_ref().map(Relay::new).transpose().map_err(BuildError::Failed)?;
    Ok(Arc::new(WaysOut::new(policy, relay).map_err(failed)?))
}

/// What leads back to this server.
pub(super) fn links(configuration: &Configuration, address: SocketAddr) -> Links {
    let own = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())),
        _ => address,
    };
    Links::new(configuration.public_url.clone().unwrap_or_else(|| format!("http://{own}")))
}
