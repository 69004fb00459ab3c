//! Amazon DynamoDB Streams, API version 2012-08-10.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
