//! Takes signatures off requests: who signed was read before, and what the service behind does not know it cannot check.

use aws_api::sigv4;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;

use super::Early;
use crate::http::HttpRequest;

/// Query parameters of presigned requests, of both versions.
const PARAMETERS: &[&str] = &[
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "x-amz-security-token",
    "AWSAccessKeyId",
    "Signature",
    "Expires",
];

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A presigned request is good until the time in it.
pub(super) fn check_expiry(request: &HttpRequest, now_ms: i64) -> Result<(), Early> {
    match expiry_seconds(&request.query) {
        Some(expiry) if now_ms.div_euclid(1000) > expiry => {
            Err(Early(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"))
        }
        _ => Ok(()),
    }
}

/// Unix time in seconds until which a presigned query is good.
fn expiry_seconds(query: &str) -> Option<i64> {
    if parameter(query, "AWSAccessKeyId").is_some() {
        return parameter(query, "Expires")?.parse().ok();
    }
    let (date, seconds) = (parameter(query, "X-Amz-Date")?, parameter(query, "X-Amz-Expires")?);
    Some(sigv4::signed_at(date)?.saturating_add(seconds.parse().ok()?))
}

/// The query without its signature; the headers lose theirs, and get those that a presigned request has in its query.
pub(super) fn without(query: &str, headers: &mut HeaderMap) -> String {
    headers.remove("authorization");
    headers.remove("x-amz-security-token");
    let is_presigned =
        ["X-Amz-Signature", "AWSAccessKeyId"].iter().any(|name| parameter(query, name).is_some());
    let kept = query.split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_header = is_presigned && is_signed_header(name);
        if is_header {
            set_header(headers, name, value);
        }
        !is_header && !PARAMETERS.contains(&name)
    });
    kept.collect::<Vec<_>>().join("&")
}

/// Headers that signers put into the query, such as `x-amz-meta-colour`.
fn is_signed_header(name: &str) -> bool {
    !PARAMETERS.contains(&name)
        && (name.starts_with("x-amz-") || ["content-type", "content-md5"].contains(&name))
}

fn set_header(headers: &mut HeaderMap, name: &str, value: &str) {
    let value = percent_decode_str(value).decode_utf8_lossy();
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value))
        && !headers.contains_key(&name)
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_presigned_queries_tell_when_they_end() {
        let version_4 = "X-Amz-Date=20261125T120000Z&X-Amz-Expires=60&X-Amz-Signature=0";
        assert_eq!(expiry_seconds(version_4), Some(1_795_608_060));
        assert_eq!(expiry_seconds("AWSAccessKeyId=a&Signature=b&Expires=123"), Some(123));
        assert_eq!(expiry_seconds("prefix=a"), None);
    }

    #[test]
    fn what_is_not_signature_stays() {
        let mut headers = HeaderMap::new();
        let query = "versionId=3&X-Amz-Signature=0&response-content-type=a%2Fb&X-Amz-Date=x";
        assert_eq!(without(query, &mut headers), "versionId=3&response-content-type=a%2Fb");
        assert_eq!(without("AWSAccessKeyId=a&Signature=b&x-amz-meta-colour=dark%20red", &mut headers), "");
        assert_eq!(headers["x-amz-meta-colour"], "dark red");
        assert_eq!(
            without("x-amz-meta-colour=red", &mut HeaderMap::new()),
            "x-amz-meta-colour=red",
            "not presigned"
        );
    }
}
