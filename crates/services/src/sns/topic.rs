//! A topic and its subscriptions, as they are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, DocumentRange};

use super::confirmation::Confirmation;
use crate::service::partition_of;

/// Identifies a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TopicKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its name; that of a FIFO topic ends with `.fifo`.
    pub name: String,
}

/// A topic as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TopicRecord {
    /// What was set, checked.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How many subscriptions were taken away.
    pub deleted_subscriptions: u64,
}

impl Document for TopicRecord {
    const KIND: &'static str = "sns/topic";
}

/// A subscription as it is stored: its parent is the topic's name, its name the UUID in its ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SubscriptionRecord {
    /// `sqs`, `lambda` and so on.
    pub protocol: String,
    /// Where messages go.
    pub endpoint: String,
    /// The account that it belongs to.
    pub owner: String,
    /// What was set, checked.
    pub attributes: BTreeMap<String, String>,
    /// Whether those at the other end want it.
    #[serde(default)]
    pub confirmation: Confirmation,
}

impl Document for SubscriptionRecord {
    const KIND: &'static str = "sns/subscription";
}

impl SubscriptionRecord {
    /// Whether messages come without their envelope.
    pub(super) fn is_raw(&self) -> bool {
        self.attributes.get("RawMessageDelivery").is_some_and(|raw| raw == "true")
    }
}

/// A subscription with where it belongs.
#[derive(Clone, Copy)]
pub(super) struct Subscriber<'a> {
    pub topic: &'a TopicKey,
    pub uuid: &'a str,
    pub record: &'a SubscriptionRecord,
}

impl Subscriber<'_> {
    pub(super) fn arn(&self) -> String {
        self.topic.subscription_arn(self.uuid)
    }
}

/// What the name of a FIFO topic ends with.
pub(super) const FIFO_SUFFIX: &str = ".fifo";

impl TopicKey {
    /// From an ARN of a topic.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sns", region, account_id, name] = parts[..] else { return None };
        Some(Self { account_id: account_id.into(), region: region.into(), name: name.into() })
    }

    /// As an ARN.
    pub(crate) fn arn(&self) -> String {
        let Self { account_id, region, name } = self;
        format!("arn:{}:sns:{region}:{account_id}:{name}", partition_of(region))
    }

    /// Whether its name says that it is a FIFO topic.
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

    /// Where a subscription of the topic is kept.
    pub(super) fn subscription_document(&self, uuid: &str) -> DocumentKey {
        DocumentKey { parent: self.name.clone(), name: uuid.to_owned(), ..self.document() }
    }

    /// All that are kept under the topic.
    pub(super) fn subscriptions(&self) -> DocumentRange {
        let Self { account_id, region, name } = self.clone();
        DocumentRange { account_id, region, parent: Some(name), ..Default::default() }
    }

    /// The ARN of a subscription of the topic.
    pub(super) fn subscription_arn(&self, uuid: &str) -> String {
        format!("{}:{uuid}", self.arn())
    }

    /// The topic and the UUID in the ARN of a subscription.
    pub(super) fn of_subscription_arn(arn: &str) -> Option<(Self, &str)> {
        let (topic, uuid) = arn.rsplit_once(':')?;
        Some((Self::of_arn(topic)?, uuid))
    }
}
