//! What proves a body that is still coming.

use aws_api::{
    hex,
    sigv4::{ChunkSignatures, SignatureError},
};
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

    /// Whether it is told what the body is as a whole.
    pub(crate) fn is_of_whole(&self) -> bool {
        matches!(self, Self::Hash(..))
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
        match hex::encode(&hash.finalize()).eq_ignore_ascii_case(&expected) {
            true => Ok(()),
            false => Err(SignatureError::WrongPayload),
        }
    }
}
