//! The rules that there are, in memory: made from what is committed, in the order of the commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};
use tokio::sync::Notify;

use super::{
    record::RuleRecord,
    sql::Statement,
    topics::{Subscriptions, matches},
};

/// A rule, its statement read.
pub(super) struct Rule {
    pub record: RuleRecord,
    pub statement: Statement,
}

/// Every rule of every account.
#[derive(Default)]
pub struct Registry {
    rules: RwLock<BTreeMap<DocumentKey, Arc<Rule>>>,
    changed: Notify,
}

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        for (key, record) in store.all_documents::<RuleRecord>().await? {
            self.put(key, record);
        }
        Ok(())
    }

    /// The topics that rules are on: as few filters as have them all.
    pub fn subscriptions(&self) -> Vec<String> {
        let rules = self.read();
        let enabled = rules.values().filter(|rule| !rule.record.is_disabled);
        Subscriptions::of(enabled.map(|rule| rule.statement.topic_filter())).into_filters()
    }

    /// Until a rule changes.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Those that look at messages of a topic.
    pub(super) fn on(&self, topic: &str) -> Vec<(DocumentKey, Arc<Rule>)> {
        let is_on = |rule: &Rule| !rule.record.is_disabled && matches(rule.statement.topic_filter(), topic);
        let rules = self.read();
        let found = rules.iter().filter(|(_, rule)| is_on(rule));
        found.map(|(key, rule)| (key.clone(), Arc::clone(rule))).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<DocumentKey, Arc<Rule>>> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<DocumentKey, Arc<Rule>>> {
        self.rules.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: DocumentKey, record: RuleRecord) {
        // It was read before it was kept.
        if let Ok(statement) = Statement::parse(&record.sql) {
            self.write().insert(key, Arc::new(Rule { record, statement }));
            self.changed.notify_one();
        }
    }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } if kind == RuleRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put(key.clone(), record);
                }
            }
            Change::DocumentDeleted { kind, key } if kind == RuleRecord::KIND => {
                self.write().remove(key);
                self.changed.notify_one();
            }
            Change::EverythingDeleted => {
                self.write().clear();
                self.changed.notify_one();
            }
            _ => {}
        }
    }
}
