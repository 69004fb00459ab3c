//! Amazon CloudWatch Logs, API version 2014-03-28. Only the shapes of operations that are built.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
