//! Everything between an invoke request and an execution environment.
//!
//! The order of an invocation is the order of [`synchronous::Invoker::invoke`]: resolve, check, admit, place, run.

mod admission;
pub mod synchronous;

pub use synchronous::{AccountLimits, InvokeRequest, Invoked, Invoker};

#[cfg(test)]
mod tests;
