//! Connections to servers elsewhere, with TLS where they want it.

use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// A server that does not take a connection by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Over `http`, which knows how names are looked up. The host's list of authorities is read only where something needs it.
///
/// # Errors
/// When it is needed, and there is none.
pub(crate) fn connector<R>(
    mut http: HttpConnector<R>,
    needs_tls: bool,
) -> Result<HttpsConnector<HttpConnector<R>>, std::io::Error> {
    let provider = rustls::crypto::ring::default_provider();
    let versions = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    let tls = match needs_tls {
        true => versions.with_native_roots()?,
        false => versions.with_root_certificates(rustls::RootCertStore::empty()),
    };
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_nodelay(true);
    http.enforce_http(false);
    let tls = tls.with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http))
}
