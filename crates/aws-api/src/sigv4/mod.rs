//! Signature Version 4: what a request says about its signer. Verification of the signature itself is not built yet.

pub mod credential_scope;
