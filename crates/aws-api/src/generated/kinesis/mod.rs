//! Amazon Kinesis Data Streams, API version 2013-12-02.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
