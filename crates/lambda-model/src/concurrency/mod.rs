//! How many invocations may run at a time, and how fast that may grow.

pub mod admission;
pub mod provisioned;
pub mod reserved;
pub mod token_bucket;

pub use admission::{Admission, ConcurrencyInUse, Place};
pub use provisioned::{ProvisionedConcurrency, ProvisionedState, ProvisionedStatus, Provisions};
pub use reserved::AccountConcurrency;
pub use token_bucket::{Rate, TokenBucket};
