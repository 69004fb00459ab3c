//! Paths that work for whoever holds them, for a while: the download of a function's code.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::Sha256;

/// How long a signed path works, seconds (AWS: `Code.Location` is valid for ten minutes).
pub(crate) const VALID_SECONDS: i64 = 600;

/// Signs and checks paths with a key that lives as long as the process.
pub(crate) struct PathSigner {
    key: [u8; 64],
}

impl PathSigner {
    /// A signer with a key nobody else has.
    pub(crate) fn new() -> Self {
        let mut key = [0; 64];
        for part in key.chunks_exact_mut(16) {
            part.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        }
        Self { key }
    }

    /// The query that makes `path` work until `expires` (Unix seconds).
    pub(crate) fn query(&self, path: &str, expires: i64) -> String {
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.mac(path, expires).finalize().into_bytes());
        format!("Expires={expires}&Signature={signature}")
    }

    /// Whether `query` makes `path` work at `now` (Unix seconds).
    pub(crate) fn verify(&self, path: &str, query: &str, now: i64) -> bool {
        self.check(path, query, now).is_some()
    }

    fn check(&self, path: &str, query: &str, now: i64) -> Option<()> {
        let (expires, signature) = query.strip_prefix("Expires=")?.split_once("&Signature=")?;
        let expires: i64 = expires.parse().ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(path, expires).verify_slice(&signature).ok()?;
        (now <= expires).then_some(())
    }

    fn mac(&self, path: &str, expires: i64) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.key.into());
        mac.update(path.as_bytes());
        mac.update(b"\n");
        mac.update(expires.to_string().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::PathSigner;

    #[test]
    fn a_signed_path_works_until_it_expires_and_only_as_signed() {
        let signer = PathSigner::new();
        let query = signer.query("/a", 100);
        assert!(signer.verify("/a", &query, 100));
        assert!(!signer.verify("/a", &query, 101), "expired");
        assert!(!signer.verify("/b", &query, 100), "another path");
        assert!(!signer.verify("/a", &query.replace("Expires=100", "Expires=999"), 100), "a longer life");
        assert!(!PathSigner::new().verify("/a", &query, 100), "another key");
    }
}
