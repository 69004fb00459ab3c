//! The canonical form of a request, which is what is signed.

use std::fmt::Write;

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode};

use super::signed_request::{Request, SignedRequest};

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same in a path, whose slashes stay.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// How a service canonicalises paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathRule {
    /// Encode what is encoded once more.
    pub encodes_twice: bool,
    /// Resolve `.`, `..` and empty segments.
    pub normalizes: bool,
}

impl PathRule {
    /// The rule of a service: S3 takes a key as it is.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        let is_s3 = service == "s3";
        Self { encodes_twice: !is_s3, normalizes: !is_s3 }
    }
}

/// Where signers differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant {
    /// Whether the session token of a presigned request is signed: some services add it afterwards.
    pub with_token: bool,
    /// Whether a path that is encoded once is taken as it was sent: some signers leave characters as they are that others encode.
    pub raw_path: bool,
}

/// The canonical request, in one of its variants.
pub(super) fn canonical_request(
    request: &Request<'_>,
    signed: &SignedRequest,
    payload_hash: &str,
    rule: PathRule,
    Variant { with_token, raw_path }: Variant,
) -> String {
    let path = if raw_path { request.path.to_owned() } else { canonical_path(request.path, rule) };
    let query = canonical_query(request.query, with_token);
    let headers = canonical_headers(request.headers, &signed.signed_headers);
    let names = signed.signed_headers.join(";");
    format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload_hash}", request.method)
}

/// The path as it is signed: `/a b` as `/a%20b`, once more where the rule encodes twice.
pub fn canonical_path(path: &str, rule: PathRule) -> String {
    let path = if rule.normalizes { normalized(path) } else { path.to_owned() };
    let path = if path.is_empty() { "/".to_owned() } else { path };
    if rule.encodes_twice {
        return utf8_percent_encode(&path, ENCODED_IN_PATH).to_string();
    }
    let decoded: Vec<u8> = percent_decode_str(&path).collect();
    percent_encode(&decoded, ENCODED_IN_PATH).to_string()
}

/// RFC 3986, section 5.2.4, and without empty segments.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let ends_with_slash = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if ends_with_slash && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn canonical_query(query: &str, with_token: bool) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (recoded(name), recoded(value))
    });
    let is_left_out =
        |name: &str| name == "X-Amz-Signature" || (!with_token && name == "X-Amz-Security-Token");
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| !is_left_out(name)).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn recoded(text: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&decoded, ENCODED).to_string()
}

/// A line per signed header; one that is not there is empty.
fn canonical_headers(headers: &HeaderMap, names: &[String]) -> String {
    let mut lines = String::new();
    for name in names {
        let values = headers.get_all(name).iter();
        let values: Vec<String> =
            values.map(|value| folded(&String::from_utf8_lossy(value.as_bytes()))).collect();
        let _ = writeln!(lines, "{name}:{}", values.join(","));
    }
    lines
}

/// Without white space around, and with single spaces within.
fn folded(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
