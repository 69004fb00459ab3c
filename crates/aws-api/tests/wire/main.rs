//! What goes over the wire, each file of the crate under its own name.

// What helps tests may end them, as they may themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arn;
mod aws_json;
mod credential_scope;
mod error_response;
mod event_stream;
mod hex;
mod pagination;
mod query;
mod query_compatible;
mod rest_json;
mod sigv4;
mod timestamp;
mod validation;
