//! AWS Security Token Service, API version 2011-06-15. Only the shapes of operations that are built.

#![allow(missing_docs, reason = "the model's documentation text is not copied")]

pub mod operations;
pub mod shapes;
pub mod types;
