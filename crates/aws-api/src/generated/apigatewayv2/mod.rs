//! Amazon API Gateway V2, API version 2018-11-29.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
