//! Signatures of the pieces of an `aws-chunked` body: each signs the one before it, the first the one of the request.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    error::SignatureError,
    signed_request::SignedRequest,
    signing_key::{SigningKeys, hmac},
    verify::payload_hash,
};
use crate::hex;

/// Follows the chain of signatures through a body.
pub struct ChunkSignatures {
    key: [u8; 32],
    timestamp: String,
    scope: String,
    previous: String,
    hash: Sha256,
}

impl ChunkSignatures {
    /// Begins behind a request whose own signature was right.
    #[must_use]
    pub fn new(signed: &SignedRequest, secret: &str, keys: &SigningKeys) -> Self {
        let scope = (signed.date.as_str(), signed.region.as_str(), signed.service.as_str());
        Self {
            key: keys.derive(&signed.access_key_id, secret, scope),
            timestamp: signed.timestamp.clone(),
            scope: signed.scope(),
            previous: signed.signature.clone(),
            hash: Sha256::new(),
        }
    }

    /// More bytes of the current chunk.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// The current chunk is at its end, and was signed so.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub fn end_chunk(&mut self, signature: &str) -> Result<(), SignatureError> {
        let hash = hex::encode(&std::mem::take(&mut self.hash).finalize());
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{hash}",
            self.timestamp,
            self.scope,
            self.previous,
            payload_hash(b"")
        );
        self.check(&text, signature)
    }

    /// The trailers, each as `name:value` and a line feed, were signed so.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub fn end_trailers(&mut self, trailers: &str, signature: &str) -> Result<(), SignatureError> {
        let hash = payload_hash(trailers.as_bytes());
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{hash}",
            self.timestamp, self.scope, self.previous
        );
        self.check(&text, signature)
    }

    fn check(&mut self, text: &str, signature: &str) -> Result<(), SignatureError> {
        let expected = hex::encode(&hmac(&self.key, text.as_bytes()));
        if !bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
            return Err(SignatureError::Mismatch);
        }
        self.previous = expected;
        Ok(())
    }
}
