//! AWS's wire world: shapes, routes, constraints, protocols, errors, ARNs. Knows nothing of Lambent.
//!
//! `generated/` holds one folder per service, made by `cargo xtask codegen` from botocore's API model: the operations, the table
//! of shapes ([`schema`]) and the structures that handlers see. Everything else walks the table: [`protocol`] finds, decodes and
//! encodes, [`validation`] checks constraints in AWS's words.
//!
//! To add a service: a line in `SERVICES` of `xtask/src/codegen.rs`, `cargo xtask codegen`, a `pub mod` in `generated/mod.rs`; if
//! its protocol is new, a file in `protocol/`.

pub mod arn;
pub mod blob;
pub mod error_response;
pub mod generated;
pub mod hex;
pub mod pagination;
pub mod protocol;
pub mod request_id;
pub mod schema;
pub mod sigv4;
pub mod timestamp;
pub mod validation;
