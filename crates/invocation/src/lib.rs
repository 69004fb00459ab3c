//! Everything between an invoke request and an execution environment.
//!
//! The order of an invocation is the order of [`synchronous::Invoker::invoke`]: resolve, check, admit, place, run. A
//! [`streaming`] invocation goes the same way; its response is passed on while it is being made.

mod admission;
pub mod streaming;
pub mod synchronous;

pub use streaming::{StreamEvent, Streamed};
pub use synchronous::{AccountLimits, InvokeRequest, Invoked, Invoker};

#[cfg(test)]
mod tests;
