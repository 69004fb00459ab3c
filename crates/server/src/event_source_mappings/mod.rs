//! Event source mappings: whoever reads from a source and brings what it reads to a function.
//!
//! ```text
//! store: a mapping is committed ──► supervisor: starts, changes, stops its poller
//! poller of a stream: see [`stream`]
//! poller of a broker: see [`kafka`] and [`rabbitmq`]
//! poller of a queue: receive ──► filter ──► batch ──► invoke ──► delete what is done
//! ```
//! What a batch, its visibility and its verdict are is pure: [`lambda_model::event_source_mapping`].
//!
//! ```text
//! Creating ──► Enabled ◄──► Disabled        Updating, Enabling and Disabling are on the way, and short
//!    └────────────┴─────────────┴──► Deleting ──► gone
//! ```

mod batch;
mod bringing;
mod kafka;
mod last_result;
mod queue_source;
mod rabbitmq;
mod secrets;
mod sqs;
mod stream;
mod supervisor;

pub(crate) use queue_source::{OwnQueues, QueueSource, Wanted, in_words_of_sqs};
pub(crate) use rabbitmq::{BrokerUrl, RabbitBrokers};
pub(crate) use stream::{StreamSources, forget, start_behind};
pub(crate) use supervisor::{EventSourceMappings, MappingChanges, Parts};
