//! A request of the web as the event of a function, and what a function returns as an answer to it: function URLs (B.18) and the proxy
//! integrations of API Gateway. Pure: whoever has the connection brings the request, the time and the ids.
//!
//! ```text
//!   WebRequest ──version_1, version_2, rest──► event ──► function ──► its response ──answer──► WebAnswer
//!                                                └──► a stream ──prelude──► its head, then bytes as they come
//!   cors: what browsers of other origins are told
//! ```

pub mod answer;
pub mod cors;
pub mod prelude;
mod query;
mod request;
pub mod rest;
pub mod version_1;
pub mod version_2;

pub use answer::WebAnswer;
pub use query::{decoded_path, encoded as encoded_query, encoded_path, pairs as query_pairs};
pub use request::{Context, WebRequest};

#[cfg(test)]
mod tests;
