//! Amazon Simple Notification Service, API version 2010-03-31.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
