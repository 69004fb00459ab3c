//! A request as it came, nothing of it decoded, and what a front door knows of it.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::Value;

/// See the module's doc.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebRequest {
    /// Such as `GET`.
    pub method: String,
    /// As it was sent, percent-encoding untouched: `/pa%2Fth`.
    pub raw_path: String,
    /// As it was sent, without the question mark.
    pub raw_query: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// Such as `HTTP/1.1`.
    pub protocol: String,
    /// The client's address.
    pub source_ip: String,
    /// Unix time, milliseconds.
    pub time_ms: i64,
    /// Names the request in its event and in its answer.
    pub request_id: String,
}

impl WebRequest {
    /// The first value of a header, whatever its letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The host that the client named, without its port.
    pub fn domain(&self) -> &str {
        let host = self.header("host").unwrap_or_default();
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name)
    }

    /// The body as a text, and whether that is base64; `None` without a body.
    pub fn body_text(&self) -> Option<(String, bool)> {
        if self.body.is_empty() {
            return None;
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) if is_text(self.header("content-type").unwrap_or_default()) => {
                Some((text.to_owned(), false))
            }
            _ => Some((BASE64_STANDARD.encode(&self.body), true)),
        }
    }
}

/// What the front door knows of a request beside what was sent.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `anonymous`, or the account of whoever signed.
    pub account_id: String,
    /// The id of the address.
    pub api_id: String,
    /// Such as `$default`.
    pub route_key: String,
    /// Such as `$default`.
    pub stage: String,
    /// What an authorizer says of the caller.
    pub authorizer: Option<Value>,
    /// What the route's path has variables for.
    pub path_parameters: BTreeMap<String, String>,
    /// Variables of the stage.
    pub stage_variables: BTreeMap<String, String>,
}

impl Context {
    /// The path of the route's key: `/pets/{id}`.
    pub(super) fn route_path(&self) -> &str {
        self.route_key.split_once(' ').map_or(&self.route_key, |(_, path)| path)
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a body of this type goes to functions as it is (U-02): forms do not.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_known = matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml");
    is_known || kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml")
}
