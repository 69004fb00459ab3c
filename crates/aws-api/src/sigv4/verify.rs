//! Whether a signature is right.

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    canonical_request::{PathRule, Variant, canonical_request},
    error::SignatureError,
    signed_request::{Request, SignedRequest},
    signing_key::{SigningKeys, hmac},
};
use crate::hex;

/// A signer's clock may be off by so much, seconds.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 15 * 60;

/// The hash of a body, as signatures have it: SHA-256, hex.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    hex::encode(&Sha256::digest(body))
}

/// Proves that a request was signed with `secret`.
///
/// `payload` is the hash of the body, or what the request declared in its place; `now_seconds` Unix time.
///
/// # Errors
/// What is wrong with it.
pub fn verify(
    request: &Request<'_>,
    signed: &SignedRequest,
    secret: &str,
    payload: &str,
    (rule, now_seconds): (PathRule, i64),
    keys: &SigningKeys,
) -> Result<(), SignatureError> {
    check_time(signed, now_seconds)?;
    check_headers(request, signed)?;
    let scope = (signed.date.as_str(), signed.region.as_str(), signed.service.as_str());
    let key = keys.derive(&signed.access_key_id, secret, scope);
    let matches = |variant: &Variant| {
        let canonical = canonical_request(request, signed, payload, rule, *variant);
        let text = string_to_sign(signed, &canonical);
        let expected = hex::encode(&hmac(&key, text.as_bytes()));
        bool::from(expected.as_bytes().ct_eq(signed.signature.as_bytes()))
    };
    if variants(signed, rule).iter().any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The forms that a right signature may be of, the usual one first.
fn variants(signed: &SignedRequest, rule: PathRule) -> Vec<Variant> {
    let may_lack_token = signed.expires_seconds.is_some() && signed.session_token.is_some();
    let tokens: &[bool] = if may_lack_token { &[true, false] } else { &[true] };
    let paths: &[bool] = if rule.encodes_twice { &[false] } else { &[false, true] };
    let pairs =
        tokens.iter().flat_map(|with_token| paths.iter().map(move |raw_path| (*with_token, *raw_path)));
    pairs.map(|(with_token, raw_path)| Variant { with_token, raw_path }).collect()
}

pub(super) fn string_to_sign(signed: &SignedRequest, canonical: &str) -> String {
    let hash = payload_hash(canonical.as_bytes());
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", signed.timestamp, signed.scope())
}

/// The signer's clock agrees with ours, and the scope with the signer's clock.
fn check_time(signed: &SignedRequest, now_seconds: i64) -> Result<(), SignatureError> {
    let at = signed_at(&signed.timestamp).ok_or_else(|| {
        let stamp = &signed.timestamp;
        SignatureError::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{stamp}'."))
    })?;
    if signed.timestamp.get(..8) != Some(signed.date.as_str()) {
        return Err(SignatureError::Invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}'.",
            signed.date,
            signed.timestamp.get(..8).unwrap_or_default()
        )));
    }
    if at > now_seconds + CLOCK_SKEW_SECONDS_MAX {
        return Err(SignatureError::Skewed(format!(
            "Signature not yet current: {} is still later than {} ({} + 15 min.)",
            signed.timestamp,
            stamp(now_seconds + CLOCK_SKEW_SECONDS_MAX),
            stamp(now_seconds)
        )));
    }
    match signed.expires_seconds {
        Some(expires) if now_seconds > at.saturating_add(expires) => {
            Err(SignatureError::Expired("Request has expired".into()))
        }
        None if at < now_seconds - CLOCK_SKEW_SECONDS_MAX => Err(SignatureError::Skewed(format!(
            "Signature expired: {} is now earlier than {} ({} - 15 min.)",
            signed.timestamp,
            stamp(now_seconds - CLOCK_SKEW_SECONDS_MAX),
            stamp(now_seconds)
        ))),
        _ => Ok(()),
    }
}

/// What gives a request its meaning must be signed: its host, and every header of AWS's own.
fn check_headers(request: &Request<'_>, signed: &SignedRequest) -> Result<(), SignatureError> {
    let is_signed = |name: &str| signed.signed_headers.iter().any(|known| known == name);
    if !is_signed("host") && !is_signed(":authority") {
        return Err(SignatureError::Invalid(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
        ));
    }
    let unsigned = request.headers.keys().find(|name| {
        let name = name.as_str();
        // A token is proven by the secret that it comes with; some clients add it after signing.
        name.starts_with("x-amz-") && name != "x-amz-security-token" && !is_signed(name)
    });
    match unsigned {
        Some(name) => Err(SignatureError::Invalid(format!(
            "'{name}' must be a 'SignedHeader' in the AWS Authorization."
        ))),
        None => Ok(()),
    }
}

/// Unix time in seconds of a signature's time, `YYYYMMDDTHHMMSSZ`.
#[must_use]
pub fn signed_at(timestamp: &str) -> Option<i64> {
    let broken_down = strtime::parse("%Y%m%dT%H%M%SZ", timestamp).ok()?;
    let datetime: DateTime = broken_down.to_datetime().ok()?;
    Some(datetime.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

pub(super) fn stamp(seconds: i64) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or_default();
    timestamp.strftime("%Y%m%dT%H%M%SZ").to_string()
}
