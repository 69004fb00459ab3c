//! Signs requests that this side sends: those of the command line, and those passed on to a service elsewhere.

use super::{
    canonical_request::{PathRule, Variant, canonical_request},
    signed_request::{Request, SignedRequest},
    signing_key::{SigningKeys, hmac},
    verify::{stamp, string_to_sign},
};
use crate::hex;

/// With what a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct SigningIdentity<'a> {
    /// The access key's id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret_access_key: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// The signing name, such as `lambda`.
    pub service: &'a str,
}

/// The timestamp of a signature that is made now, for the header `X-Amz-Date`.
#[must_use]
pub fn timestamp(now_seconds: i64) -> String {
    stamp(now_seconds)
}

/// The header `Authorization` of a request that has its `Host`, its `X-Amz-Date` and, with temporary credentials, its
/// `X-Amz-Security-Token` already. All of its headers are signed. `payload` is the hash of the body, or what stands for it.
#[must_use]
pub fn authorization(request: &Request<'_>, identity: &SigningIdentity<'_>, payload: &str) -> String {
    let mut names: Vec<String> = request.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    let timestamp = request.header("x-amz-date").unwrap_or_default().to_owned();
    let signed = SignedRequest {
        access_key_id: identity.access_key_id.to_owned(),
        session_token: None,
        date: timestamp.get(..8).unwrap_or_default().to_owned(),
        region: identity.region.to_owned(),
        service: identity.service.to_owned(),
        timestamp,
        signed_headers: names,
        signature: String::new(),
        expires_seconds: None,
    };
    let rule = PathRule::of_service(identity.service);
    let variant = Variant { with_token: true, raw_path: false };
    let canonical = canonical_request(request, &signed, payload, rule, variant);
    let scope = (signed.date.as_str(), identity.region, identity.service);
    let key = SigningKeys::default().derive(identity.access_key_id, identity.secret_access_key, scope);
    let signature = hex::encode(&hmac(&key, string_to_sign(&signed, &canonical).as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
        identity.access_key_id,
        signed.scope(),
        signed.signed_headers.join(";")
    )
}
