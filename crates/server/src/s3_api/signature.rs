//! Takes signatures off requests: who signed was read before, and what the service behind does not know it cannot check.

use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::error_response;
use crate::http::{HttpRequest, HttpResponse};

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

/// Whether it is signed with version 2: botocore still presigns so for S3.
pub(super) fn is_of_version_2(request: &HttpRequest) -> bool {
    let is_presigned = parameter(&request.query, "AWSAccessKeyId").is_some()
        && parameter(&request.query, "Signature").is_some();
    is_presigned || request.header("authorization").is_some_and(|header| header.starts_with("AWS "))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A presigned request is good until the time in it.
pub(super) fn check_expiry(request: &HttpRequest, now_ms: i64) -> Result<(), HttpResponse> {
    match expiry_seconds(&request.query) {
        Some(expiry) if now_ms.div_euclid(1000) > expiry => {
            Err(error_response(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"))
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
    let signed: Timestamp = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", date)
        .and_then(|broken| broken.to_datetime())
        .and_then(|datetime| datetime.to_zoned(jiff::tz::TimeZone::UTC))
        .ok()?
        .timestamp();
    Some(signed.as_second().saturating_add(seconds.parse().ok()?))
}

/// The query without its signature; the headers lose theirs.
pub(super) fn without(query: &str, headers: &mut HeaderMap) -> String {
    headers.remove("authorization");
    headers.remove("x-amz-security-token");
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !PARAMETERS.contains(&name)
    });
    kept.collect::<Vec<_>>().join("&")
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
    }
}
