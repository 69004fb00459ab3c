//! SQS: queues, and what is sent through them.
//!
//! ```text
//! definition: a document of the store ──► Registry, in memory
//! message:    a lane of the store's queues, named by the queue's id
//!
//!   sent ──► delayed ──► visible ──► in flight ──► deleted
//!                          ▲  │          │ not deleted in time
//!                          └──┼──────────┘
//!                             └ received too often ──► the dead-letter queue ──► moved back (move_tasks)
//! ```
//! Everything that happens to a message is a transaction of the store: what was acknowledged is on disk. Visibility is by a clock that
//! never jumps.

mod acknowledging;
mod attempts;
mod attributes;
mod batches;
mod consuming;
mod error;
mod housekeeping;
mod message;
mod move_tasks;
mod operations;
pub(crate) mod outgoing;
mod permissions;
pub(crate) mod queue;
mod queues;
mod receipt;
mod receiving;
mod registry;
mod sending;
mod settings;
mod shown;
mod tags;
mod url;

use std::sync::Arc;

use aws_api::{
    error_response::ApiError,
    protocol::{
        aws_json::{self, Dialect},
        query_compatible,
    },
};
use lambda_model::ports::Clock;
use store::{Store, StoreError};
use tokio::sync::{Notify, watch};

pub(crate) use message::sequence_number;
pub use registry::Registry;
pub(crate) use sending::Door;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service.
#[derive(Clone)]
pub struct Sqs {
    store: Store,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    attempts: Arc<attempts::Attempts>,
    housekeeping: Arc<Notify>,
    stopping: Arc<watch::Sender<bool>>,
}

impl Sqs {
    /// The policy of a queue, if it has one; `None` where there is no queue.
    pub(crate) fn policy(&self, key: &queue::QueueKey) -> Option<Option<String>> {
        Some(self.registry.queue(key)?.record.attributes.get("Policy").cloned())
    }

    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_0,
        invalid: "InvalidParameterValueException",
        namespace: "com.amazonaws.sqs#",
        query_code: Some(query_compatible::code),
    };

    /// The service, with the queues that the registry knows.
    pub fn new(store: Store, registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        let stopping = Arc::new(watch::channel(false).0);
        Self { store, registry, clock, attempts: Arc::default(), housekeeping: Arc::default(), stopping }
    }

    /// Nobody waits for messages any more.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Goes on with what an earlier server left, and keeps house from now on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn resume(&self) -> Result<(), StoreError> {
        self.resume_tasks().await?;
        tokio::spawn(housekeeping::run(self.clone()));
        Ok(())
    }
}
