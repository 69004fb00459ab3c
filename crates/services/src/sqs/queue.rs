//! A queue: its definition as it is stored, and what follows from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU32},
};

use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};
use tokio::sync::Notify;

use super::settings::Settings;
use crate::service::partition_of;

/// Identifies a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its name; that of a FIFO queue ends with `.fifo`.
    pub name: String,
}

/// A queue as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct QueueRecord {
    /// Names its messages in the store: a queue of the same name that comes later has another.
    pub id: String,
    /// Unix time.
    pub created_seconds: i64,
    /// Unix time.
    pub modified_seconds: i64,
    /// What was set, checked.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Messages up to this number were purged.
    pub purged_up_to: i64,
}

impl Document for QueueRecord {
    const KIND: &'static str = "sqs/queue";
}

/// A queue as the service sees it.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub key: QueueKey,
    pub record: QueueRecord,
    pub settings: Settings,
    pub live: Arc<Live>,
}

/// What is in memory of a queue, whatever becomes of its definition.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// A message may be visible that was not.
    pub woken: Notify,
    /// At least as many messages are in flight; counted anew when it says too many.
    pub in_flight: AtomicU32,
}

impl QueueKey {
    /// From an ARN of SQS.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", region, account_id, name] = parts[..] else { return None };
        Some(Self { account_id: account_id.into(), region: region.into(), name: name.into() })
    }

    /// As an ARN.
    pub(crate) fn arn(&self) -> String {
        let Self { account_id, region, name } = self;
        format!("arn:{}:sqs:{region}:{account_id}:{name}", partition_of(region))
    }

    /// Whether its name says that it is a FIFO queue.
    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO_SUFFIX)
    }

    pub(super) fn document(&self) -> DocumentKey {
        let Self { account_id, region, name } = self.clone();
        DocumentKey { account_id, region, parent: String::new(), name }
    }

    pub(super) fn of_document(key: &DocumentKey) -> Self {
        let DocumentKey { account_id, region, name, .. } = key.clone();
        Self { account_id, region, name }
    }
}

/// What the name of a FIFO queue ends with.
pub(super) const FIFO_SUFFIX: &str = ".fifo";

impl Queue {
    /// Of what is stored.
    pub(super) fn new(key: QueueKey, record: QueueRecord, live: Arc<Live>) -> Self {
        let settings = Settings::of(&record.attributes, key.is_fifo());
        Self { key, record, settings, live }
    }

    /// The name of its messages in the store.
    pub(super) fn id(&self) -> &str {
        &self.record.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_a_queue() {
        let arn = "arn:aws-cn:sqs:cn-north-1:000000000000:q.fifo";
        let key = QueueKey::of_arn(arn).unwrap();
        assert_eq!((key.name.as_str(), key.is_fifo()), ("q.fifo", true));
        assert_eq!(key.arn(), arn);
        assert_eq!(QueueKey::of_arn("arn:aws:sns:us-east-1:000000000000:t"), None);
        assert_eq!(QueueKey::of_arn("q"), None);
    }
}
