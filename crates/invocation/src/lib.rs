//! Everything between an invoke request and an execution environment.
//!
//! The order of an invocation is the order of [`synchronous::Invoker::invoke`]: resolve, check, admit, place, run. A
//! [`streaming`] invocation goes the same way; its response is passed on while it is being made. An [`asynchronous`] one is kept
//! first, and goes that way as often as it takes.

mod admission;
pub mod asynchronous;
pub mod streaming;
pub mod synchronous;

pub use asynchronous::{AsyncInvoker, AsyncRequest};
pub use streaming::{StreamEvent, Streamed};
pub use synchronous::{AccountLimits, InvokeRequest, Invoked, Invoker};

#[cfg(test)]
mod tests;
