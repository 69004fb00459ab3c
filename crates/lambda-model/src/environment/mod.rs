//! Execution environments: the states they and their runtimes go through, and how a pool picks among them.

pub mod lifecycle;
pub mod pool_policy;
pub mod runtime_state;

pub use lifecycle::{Phase, ShutdownReason};
pub use runtime_state::{RuntimeState, RuntimeTransition};
