//! The keys of issuers of tokens: fetched where the issuer says they are, kept for a while, and fetched again when a token names one that is
//! not among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use lambda_model::http_api::jwt::Token;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents,
};
use serde_json::Value;
use tokio::time::timeout;

use super::limits;
use crate::outside::WaysOut;

/// How long keys are kept (API Gateway guide: two hours).
const KEPT: Duration = Duration::from_secs(2 * 60 * 60);
/// No issuer is asked again sooner, whatever tokens name.
const PAUSE: Duration = Duration::from_secs(10);
/// Issuers that are kept.
const ISSUERS_MAX: usize = 1_000;

/// A public key: modulus and exponent.
#[derive(Clone)]
struct Key {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// See the module's doc.
#[derive(Default)]
pub(super) struct Issuers {
    known: Mutex<HashMap<String, Arc<Issuer>>>,
}

/// What is known of an issuer. Whoever asks it holds the lock, so that the others wait for what it answers.
#[derive(Default)]
struct Issuer(tokio::sync::Mutex<Known>);

#[derive(Default)]
struct Known {
    keys: HashMap<String, Key>,
    /// When the keys came.
    came: Option<Instant>,
    /// When it was asked, whether it answered or not.
    asked: Option<Instant>,
}

/// Where the keys of an issuer are.
pub(super) enum Keys {
    /// Where its document says.
    Told,
    /// At this address.
    At(String),
}

impl Issuers {
    /// Whether a key of the issuer's has signed the token.
    pub(super) async fn has_signed(
        &self,
        issuer: &str,
        keys: Keys,
        token: &Token,
        ways_out: &WaysOut,
    ) -> bool {
        let known = self.of(issuer);
        let mut known = known.0.lock().await;
        // Keys change: a name that is new may be known by now.
        if known.key(&token.key_id).is_none() && known.may_ask() {
            known.asked = Some(Instant::now());
            match fetched(issuer, keys, ways_out).await {
                Some(keys) => (known.keys, known.came) = (keys, Some(Instant::now())),
                None => tracing::warn!(issuer, "the keys of an issuer of tokens cannot be had"),
            }
        }
        let key = known.key(&token.key_id).cloned();
        drop(known);
        key.is_some_and(|key| key.has_signed(token))
    }

    fn of(&self, issuer: &str) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ISSUERS_MAX && !known.contains_key(issuer) {
            known.clear();
        }
        Arc::clone(known.entry(issuer.to_owned()).or_default())
    }
}

impl Known {
    fn key(&self, key_id: &str) -> Option<&Key> {
        self.came.filter(|came| came.elapsed() < KEPT).and_then(|_| self.keys.get(key_id))
    }

    fn may_ask(&self) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= PAUSE)
    }
}

impl Key {
    fn of(value: &Value) -> Option<(String, Self)> {
        let part = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(value[name].as_str()?).ok();
        let is_rsa = value["kty"] == "RSA" && matches!(value["use"].as_str(), None | Some("sig"));
        let key_id = value["kid"].as_str().filter(|_| is_rsa)?.to_owned();
        Some((key_id, Self { modulus: part("n")?, exponent: part("e")? }))
    }

    fn has_signed(&self, token: &Token) -> bool {
        let algorithm = match token.algorithm.as_str() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            _ => &RSA_PKCS1_2048_8192_SHA512,
        };
        let key = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        key.verify(algorithm, token.signed.as_bytes(), &token.signature).is_ok()
    }
}

async fn fetched(issuer: &str, keys: Keys, ways_out: &WaysOut) -> Option<HashMap<String, Key>> {
    let address = match keys {
        Keys::At(address) => address,
        Keys::Told => {
            let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            got(&document, ways_out).await?["jwks_uri"].as_str()?.to_owned()
        }
    };
    let keys = got(&address, ways_out).await?;
    Some(keys["keys"].as_array()?.iter().filter_map(Key::of).collect())
}

async fn got(url: &str, ways_out: &WaysOut) -> Option<Value> {
    let request = Request::get(url).body(Full::new(Bytes::new())).ok()?;
    let asked = ways_out.forward(request, limits::ISSUER_DOCUMENT_BYTES_MAX);
    let answer = timeout(limits::ISSUER_TIMEOUT, asked).await.ok()?.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    serde_json::from_slice(answer.body()).ok()
}
