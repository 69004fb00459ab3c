//! Amazon EventBridge, API version 2015-10-07.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
