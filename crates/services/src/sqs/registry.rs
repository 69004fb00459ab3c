//! The queues that there are, in memory: made from what is committed, in the order of the commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use store::{Change, CommitObserver, Document, Store, StoreError};

use super::queue::{Live, Queue, QueueKey, QueueRecord};

/// Every queue of every account.
#[derive(Default)]
pub struct Registry {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    queues: BTreeMap<QueueKey, Arc<Queue>>,
    /// By the names of their messages in the store.
    by_id: BTreeMap<String, QueueKey>,
}

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        for (key, record) in store.all_documents::<QueueRecord>().await? {
            self.write(|known| known.put(QueueKey::of_document(&key), record));
        }
        Ok(())
    }

    pub(super) fn queue(&self, key: &QueueKey) -> Option<Arc<Queue>> {
        self.read(|known| known.queues.get(key).cloned())
    }

    pub(super) fn queue_by_id(&self, id: &str) -> Option<Arc<Queue>> {
        self.read(|known| known.by_id.get(id).and_then(|key| known.queues.get(key)).cloned())
    }

    pub(super) fn all(&self) -> Vec<Arc<Queue>> {
        self.read(|known| known.queues.values().cloned().collect())
    }

    /// The queues of an account in a Region, in the order of their names.
    pub(super) fn of_account(&self, account_id: &str, region: &str) -> Vec<Arc<Queue>> {
        let is_of = |queue: &&Arc<Queue>| queue.key.account_id == account_id && queue.key.region == region;
        self.read(|known| known.queues.values().filter(is_of).cloned().collect())
    }

    /// A message of a queue may be visible that was not.
    pub fn wake(&self, id: &str) {
        if let Some(queue) = self.queue_by_id(id) {
            queue.live.woken.notify_waiters();
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Known) -> T) -> T {
        write(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn put(&mut self, key: QueueKey, record: QueueRecord) {
        let before = self.queues.get(&key).filter(|before| before.record.id == record.id);
        let live = before.map_or_else(|| Arc::new(Live::default()), |before| Arc::clone(&before.live));
        self.remove(&key);
        self.by_id.insert(record.id.clone(), key.clone());
        self.queues.insert(key.clone(), Arc::new(Queue::new(key, record, live)));
    }

    fn remove(&mut self, key: &QueueKey) {
        if let Some(queue) = self.queues.remove(key) {
            self.by_id.remove(queue.id());
            // Whoever waits for a message learns that there is no queue any more, or another.
            queue.live.woken.notify_waiters();
        }
    }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } if kind == QueueRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.write(|known| known.put(QueueKey::of_document(key), record));
                }
            }
            Change::DocumentDeleted { kind, key } if kind == QueueRecord::KIND => {
                self.write(|known| known.remove(&QueueKey::of_document(key)));
            }
            Change::EverythingDeleted => self.write(|known| *known = Known::default()),
            _ => {}
        }
    }
}
