//! Amazon Simple Queue Service, API version 2012-11-05.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
