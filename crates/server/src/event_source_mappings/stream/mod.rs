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

use std::{ops::Deref, sync::Arc};

use lambda_model::{
    event_source_mapping::{SourceKind, stream::StreamSettings},
    ports::StreamSource,
};

use super::supervisor::Reader;

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

/// Reads for a mapping.
pub(super) struct StreamPoller {
    pub reader: Reader,
    pub settings: StreamSettings,
    pub source: Arc<dyn StreamSource>,
}

impl Deref for StreamPoller {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl StreamPoller {
    /// The role of the function, which reads.
    fn role(&self) -> String {
        let Reader { mapping, parts, .. } = &self.reader;
        let resolved = parts.catalog.resolve(&mapping.function, mapping.qualifier.as_deref(), 0.0);
        resolved.map_or_else(|_| String::new(), |resolved| resolved.version.configuration.role.clone())
    }
}
