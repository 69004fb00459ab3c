//! What proves a body that is still coming.

use aws_api::sigv4::{ChunkSignatures, SignatureError, payload_hash};
use sha2::{Digest, Sha256};

/// Follows a body and judges it.
pub(crate) enum BodyProof {
    /// Nobody said what it is.
    None,
    /// It has this hash, hex.
    Hash(String, Box<Sha256>),
    /// Its pieces are signed.
    Chunks(Box<ChunkSignatures>),
}

impl BodyProof {
    pub(super) fn hash(expected: String) -> Self {
        Self::Hash(expected, Box::default())
    }

    pub(super) fn chunks(signatures: ChunkSignatures) -> Self {
        Self::Chunks(Box::new(signatures))
    }

    /// The hash that the body shall have, where it is told whole.
    pub(crate) fn expected_hash(&self) -> Option<&str> {
        match self {
            Self::Hash(expected, _) => Some(expected),
            Self::None | Self::Chunks(_) => None,
        }
    }

    /// Bytes of a body without framing.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Self::Hash(_, hash) = self {
            hash.update(bytes);
        }
    }

    /// The body is at its end.
    pub(crate) fn finish(self) -> Result<(), SignatureError> {
        let Self::Hash(expected, hash) = self else { return Ok(()) };
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found.eq_ignore_ascii_case(&expected) { Ok(()) } else { Err(SignatureError::WrongPayload) }
    }

    /// Judges a body that is there.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), SignatureError> {
        match self.expected_hash() {
            Some(expected) if !expected.eq_ignore_ascii_case(&payload_hash(body)) => {
                Err(SignatureError::WrongPayload)
            }
            _ => Ok(()),
        }
    }
}
