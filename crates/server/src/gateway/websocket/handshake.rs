//! The opening handshake (RFC 6455, 4.2).

use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Failure;
use crate::http::{self, HttpRequest, HttpResponse};

/// The only version that there is.
const VERSION: &str = "13";

/// A handshake that is in order.
pub(super) struct Accepted {
    key: String,
    /// What the client offers to speak on top.
    protocols: Vec<String>,
}

/// Whether a request is a handshake.
pub(super) fn accepted(request: &HttpRequest) -> Result<Accepted, Failure> {
    let lists = |name: &str, wanted: &str| {
        request
            .header(name)
            .is_some_and(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted)))
    };
    let is_one = request.method == hyper::Method::GET
        && lists("upgrade", "websocket")
        && lists("connection", "upgrade");
    if !is_one || request.header("sec-websocket-version") != Some(VERSION) {
        return Err(Failure::NoUpgrade);
    }
    let key = request.header("sec-websocket-key").filter(|key| key.len() == 24).ok_or(Failure::NoUpgrade)?;
    let protocols =
        request.headers.get_all("sec-websocket-protocol").iter().filter_map(|it| it.to_str().ok());
    let protocols = protocols.flat_map(|it| it.split(',')).map(|it| it.trim().to_owned()).collect();
    Ok(Accepted { key: derive_accept_key(key.as_bytes()), protocols })
}

impl Accepted {
    /// The answer that opens the connection.
    pub(super) fn response(&self) -> HttpResponse {
        let mut response = http::empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(key) = HeaderValue::from_str(&self.key) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
        }
        response
    }

    /// Takes over the protocol that the function of `$connect` chose of those that the client offers.
    pub(super) fn choose_protocol(&self, response: &mut HttpResponse, given: &[(String, String)]) {
        let chosen = given.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
        let offered = chosen.filter(|(_, chosen)| self.protocols.iter().any(|one| one == chosen));
        if let Some(Ok(value)) = offered.map(|(_, chosen)| HeaderValue::from_str(chosen)) {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
    }
}

/// What tells a client that speaks something else what is spoken here.
pub(super) fn required() -> HttpResponse {
    let mut response = super::told(StatusCode::UPGRADE_REQUIRED, "Upgrade Required");
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    response
}
