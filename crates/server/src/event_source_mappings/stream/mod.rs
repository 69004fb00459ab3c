//! The poller of one mapping of a stream (B.12): its rules are [`lambda_model::event_source_mapping::stream`].
//!
//! ```text
//! shards of the stream ──► one after its parents ([`shards`]) ──► lanes ([`lane`]): gather ──► invoke ──► settle
//!                                                                   ▲                           │ one transaction: checkpoint,
//!                                                                   └───────────────────────────┘ and what is given up
//! ```
//! Whatever is not settled comes again after a crash, in the same batches.

mod checkpoints;
mod gather;
mod invocation;
mod lane;
mod shards;

use std::sync::{Arc, Mutex, PoisonError};

use lambda_model::{
    event_source_mapping::{EventSourceMapping, SourceKind, filter::FilterPattern, stream::StreamSettings},
    ports::{EventSourceCount, StreamSource},
};
use tokio::sync::watch;

use super::supervisor::Parts;

pub(crate) use checkpoints::{forget, start_behind};

/// The streams that mappings read.
pub(crate) struct StreamSources {
    /// Of tables.
    pub dynamodb: Arc<dyn StreamSource>,
    /// Of Kinesis.
    pub kinesis: Arc<dyn StreamSource>,
}

impl StreamSources {
    /// Those of a kind; `None` where they are not built.
    pub(crate) fn of(&self, kind: SourceKind) -> Option<&Arc<dyn StreamSource>> {
        match kind {
            SourceKind::DynamoDbStream => Some(&self.dynamodb),
            SourceKind::Kinesis => Some(&self.kinesis),
            _ => None,
        }
    }
}

/// What is said of the last batch of a mapping: `LastProcessingResult`.
#[derive(Clone, Default)]
pub(crate) struct LastResult(Arc<Mutex<Option<String>>>);

impl LastResult {
    /// As AWS shows it.
    pub(crate) fn shown(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().unwrap_or_else(|| "No records processed".to_owned())
    }

    fn say(&self, result: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.to_owned());
    }
}

/// Reads for a mapping.
pub(super) struct StreamPoller {
    pub parts: Arc<Parts>,
    /// Names the mapping.
    pub uuid: String,
    pub mapping: EventSourceMapping,
    pub settings: StreamSettings,
    pub source: Arc<dyn StreamSource>,
    /// Its filters.
    pub patterns: Vec<FilterPattern>,
    /// Told when it ends.
    pub stop: watch::Receiver<bool>,
    pub last_result: LastResult,
}

impl StreamPoller {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when it is to end.
    async fn stopped(&self) {
        let mut stop = self.stop.clone();
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// The role of the function, which reads.
    fn role(&self) -> String {
        let Self { mapping, parts, .. } = self;
        let resolved = parts.catalog.resolve(&mapping.function, mapping.qualifier.as_deref(), 0.0);
        resolved.map_or_else(|_| String::new(), |resolved| resolved.version.configuration.role.clone())
    }

    fn count(&self, what: EventSourceCount, events: usize) {
        if self.mapping.counts_events {
            self.parts.metrics.event_source_events(&self.uuid, what, events);
        }
    }
}
