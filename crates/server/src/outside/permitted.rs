//! Names lead only where this server may go: whoever subscribes an address must not have it reach what it does not reach itself.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use sandbox::NetworkPolicy;
use tokio::net::lookup_host;
use tower_service::Service;

/// Looks names up, and leaves out the addresses that the policy does not permit on every port: which one is wanted is not told here.
#[derive(Clone)]
pub(super) struct PermittedNames(pub Arc<NetworkPolicy>);

impl Service<Name> for PermittedNames {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let permitted: Vec<_> =
                found.into_iter().filter(|address| policy.permits(address.ip(), None)).collect();
            match permitted.is_empty() {
                true => Err(io::Error::other("the name leads to no address that this server may reach")),
                false => Ok(permitted.into_iter()),
            }
        })
    }
}
