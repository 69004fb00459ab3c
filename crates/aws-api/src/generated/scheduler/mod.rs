//! Amazon EventBridge Scheduler, API version 2021-06-30.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
