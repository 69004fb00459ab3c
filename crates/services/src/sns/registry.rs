//! The topics that there are, in memory: made from what is committed, in the order of the commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};

use super::{
    filter::FilterPolicy,
    topic::{Subscriber, SubscriptionRecord, TopicKey, TopicRecord},
};

/// A subscription of a topic.
#[derive(Debug)]
pub(super) struct Subscription {
    pub uuid: String,
    pub record: SubscriptionRecord,
    pub filter: Option<FilterPolicy>,
}

impl Subscription {
    /// As one of this topic.
    pub(super) fn of<'a>(&'a self, topic: &'a TopicKey) -> Subscriber<'a> {
        Subscriber { topic, uuid: &self.uuid, record: &self.record }
    }
}

/// A topic with its subscriptions, by their UUIDs.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    /// `None` where a subscription was read before its topic.
    pub record: Option<Arc<TopicRecord>>,
    pub subscriptions: BTreeMap<String, Arc<Subscription>>,
}

/// Of a topic that has none.
static NO_ATTRIBUTES: BTreeMap<String, String> = BTreeMap::new();

impl Topic {
    /// What was set.
    pub(super) fn attributes(&self) -> &BTreeMap<String, String> {
        self.record.as_ref().map_or(&NO_ATTRIBUTES, |record| &record.attributes)
    }
}

/// Every topic of every account.
#[derive(Default)]
pub struct Registry {
    topics: RwLock<BTreeMap<TopicKey, Topic>>,
}

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        for (key, record) in store.all_documents::<TopicRecord>().await? {
            self.put_topic(&key, record);
        }
        for (key, record) in store.all_documents::<SubscriptionRecord>().await? {
            self.put_subscription(&key, record);
        }
        Ok(())
    }

    pub(super) fn topic(&self, key: &TopicKey) -> Option<Topic> {
        self.read(|topics| topics.get(key).filter(|topic| topic.record.is_some()).cloned())
    }

    /// The topics of an account in a Region, in the order of their names.
    pub(super) fn of_account(&self, account_id: &str, region: &str) -> Vec<(TopicKey, Topic)> {
        let is_of = |(key, topic): &(&TopicKey, &Topic)| {
            key.account_id == account_id && key.region == region && topic.record.is_some()
        };
        self.read(|topics| {
            let found = topics.iter().filter(is_of);
            found.map(|(key, topic)| (key.clone(), topic.clone())).collect()
        })
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<TopicKey, Topic>) -> T) -> T {
        read(&self.topics.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut BTreeMap<TopicKey, Topic>)) {
        write(&mut self.topics.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn put_topic(&self, key: &DocumentKey, record: TopicRecord) {
        let key = TopicKey::of_document(key);
        self.write(|topics| topics.entry(key).or_default().record = Some(Arc::new(record)));
    }

    fn put_subscription(&self, key: &DocumentKey, record: SubscriptionRecord) {
        let topic = TopicKey { name: key.parent.clone(), ..TopicKey::of_document(key) };
        let filter = FilterPolicy::of(&record.attributes);
        let subscription = Subscription { uuid: key.name.clone(), record, filter };
        self.write(|topics| {
            let subscriptions = &mut topics.entry(topic).or_default().subscriptions;
            subscriptions.insert(key.name.clone(), Arc::new(subscription));
        });
    }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } if kind == TopicRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put_topic(key, record);
                }
            }
            Change::DocumentStored { kind, key, document } if kind == SubscriptionRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put_subscription(key, record);
                }
            }
            Change::DocumentDeleted { kind, key } if kind == TopicRecord::KIND => {
                self.write(|topics| drop(topics.remove(&TopicKey::of_document(key))));
            }
            Change::DocumentDeleted { kind, key } if kind == SubscriptionRecord::KIND => {
                let topic = TopicKey { name: key.parent.clone(), ..TopicKey::of_document(key) };
                self.write(|topics| {
                    if let Some(topic) = topics.get_mut(&topic) {
                        topic.subscriptions.remove(&key.name);
                    }
                });
            }
            Change::EverythingDeleted => self.write(BTreeMap::clear),
            _ => {}
        }
    }
}
