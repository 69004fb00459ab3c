//! How many invocations may run at a time, and how fast that may grow.

pub mod admission;
pub mod fair_queue;
pub mod provisioned;
pub mod reserved;
pub mod token_bucket;

pub use admission::{Admission, ConcurrencyInUse, Place};
pub use fair_queue::FairQueue;
pub use provisioned::{ProvisionedConcurrency, ProvisionedState, ProvisionedStatus, Provisions};
pub use reserved::AccountConcurrency;
pub use token_bucket::{Rate, TokenBucket};
