//! EventBridge: buses, rules, and what is put on the one and matches the other.
//!
//! ```text
//!  PutEvents ──► each rule of the bus: does its pattern match? ──► one transaction: the outbox of each target ──► answer
//!                                                                     └─ line of the target ([`crate::deliveries`]):
//!                                                                        let in by its policy? tried as the rule says
//! ```
//! What schedules have due goes the same way ([`schedules`]). Rules are in memory ([`Registry`]), made from what is committed. What a target gets is made when the event is put (`input.rs`).

mod archives;
mod bus;
mod buses;
mod connections;
mod envelope;
mod error;
mod input;
mod named;
mod operations;
mod permissions;
mod putting;
mod registry;
mod rule_index;
mod rules;
mod schedules;
mod tags;
mod targets;
mod test_pattern;

use std::sync::Arc;

use aws_api::{
    error_response::ApiError,
    protocol::aws_json::{self, Dialect},
};
use lambda_model::ports::Clock;
use store::Store;
use tokio::sync::Notify;

pub(crate) use bus::BusKey;
pub(crate) use connections::{Ended, is_destination};
pub(crate) use envelope::Envelope;
pub(crate) use putting::SERVICE;
pub use registry::Registry;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct EventBridge {
    store: Store,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    rules_max: usize,
    replays_changed: Arc<Notify>,
}

/// Rules of a bus at most, where nobody says otherwise (EventBridge quotas; AWS raises it when asked).
pub const RULES_PER_BUS_DEFAULT: usize = 300;

impl EventBridge {
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_1,
        invalid: "ValidationException",
        namespace: "",
        query_code: None,
    };

    /// The service, with the rules that the registry knows, and so many of a bus at most.
    pub fn new(store: Store, registry: Arc<Registry>, clock: Arc<dyn Clock>, rules_max: usize) -> Self {
        Self { store, registry, clock, rules_max, replays_changed: Arc::default() }
    }
}
