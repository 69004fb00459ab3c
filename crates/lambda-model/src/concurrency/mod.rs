//! How many invocations may run at a time.

pub mod admission;

pub use admission::{Admission, ConcurrencyInUse};
