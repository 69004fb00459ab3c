//! Signature Version 4: who signed a request, and whether they did.
//!
//! ```text
//!   request --SignedRequest::read--> what it claims --the secret, from whoever knows it--> verify --> proven
//! ```
//! Pure: the time and the secret are parameters, the body is represented by its hash.

pub mod credential_scope;

mod canonical_request;
mod chunks;
mod error;
mod sign;
mod signed_request;
mod signing_key;
mod verify;

pub use canonical_request::{PathRule, canonical_path};
pub use chunks::ChunkSignatures;
pub use error::SignatureError;
pub use sign::{SigningIdentity, authorization, timestamp};
pub use signed_request::{Request, SignedRequest};
pub use signing_key::SigningKeys;
pub use verify::{CLOCK_SKEW_SECONDS_MAX, payload_hash, signed_at, verify};
