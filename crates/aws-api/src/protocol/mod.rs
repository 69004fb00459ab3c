//! How messages look on the wire, a file per protocol.

pub mod rest_json;
