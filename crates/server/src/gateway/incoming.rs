//! A request of a connection as the rules of [`lambda_model::http_event`] take it.

use bytes::Bytes;
use hyper::{HeaderMap, Version};
use lambda_model::http_event::WebRequest;

use crate::{clock, http::HttpRequest};

/// The request without its body; what is behind the front door's own part of the path is `path`.
pub(super) fn head(request: &HttpRequest, path: String, request_id: &str) -> WebRequest {
    let source_ip = request.peer.to_canonical().to_string();
    WebRequest {
        method: request.method.to_string(),
        raw_path: path,
        raw_query: request.query.clone(),
        headers: headers(&request.headers, &source_ip, (port(request), request.scheme())),
        body: Bytes::new(),
        protocol: protocol(request.version).to_owned(),
        source_ip,
        time_ms: clock::unix_ms(),
        request_id: request_id.to_owned(),
    }
}

/// What was sent, and how it came here, over what the client says of that.
fn headers(sent: &HeaderMap, source_ip: &str, (port, scheme): (String, &str)) -> Vec<(String, String)> {
    const ADDED: [&str; 3] = ["x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut all: Vec<_> = sent
        .iter()
        .filter(|(name, _)| !ADDED.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
        .collect();
    let before = sent.get("x-forwarded-for").map(|value| text(value.as_bytes()) + ", ");
    let forwarded = before.unwrap_or_default() + source_ip;
    let values = [forwarded, port, scheme.to_owned()];
    all.extend(ADDED.iter().map(|name| (*name).to_owned()).zip(values));
    all
}

/// The port that the client named.
fn port(request: &HttpRequest) -> String {
    let host = request.header("host").unwrap_or_default();
    let named = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    named.unwrap_or(if request.scheme() == "https" { "443" } else { "80" }).to_owned()
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
