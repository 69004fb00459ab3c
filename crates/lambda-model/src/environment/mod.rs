//! Execution environments: the states they and their runtimes go through, and how a pool picks among them.

pub mod demand;
pub mod eviction;
pub mod extension_state;
pub mod lifecycle;
pub mod pool_policy;
pub mod runtime_state;
pub mod telemetry_subscription;

pub use demand::Demand;
pub use eviction::IdleCost;
pub use extension_state::{ExtensionState, ExtensionTransition};
pub use lifecycle::{Phase, ShutdownReason};
pub use runtime_state::{RuntimeState, RuntimeTransition};
pub use telemetry_subscription::{Buffering, Category, Destination, SubscriptionRequest, TelemetryApi};
