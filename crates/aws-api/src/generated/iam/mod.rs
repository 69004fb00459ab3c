//! AWS Identity and Access Management, API version 2010-05-08. Only the shapes of operations that are built.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
