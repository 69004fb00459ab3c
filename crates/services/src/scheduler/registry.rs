//! The schedules and groups that there are, in memory: made from what is committed, in the order of the commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};
use tokio::sync::Notify;

use super::{
    record::{DEFAULT, GroupRecord, ScheduleRecord},
    timetable::Planned,
};

/// A schedule, its expression read.
pub(super) struct Schedule {
    pub record: ScheduleRecord,
    /// `None` for one that is disabled.
    pub planned: Option<Planned>,
}

#[derive(Default)]
struct Entries {
    schedules: BTreeMap<DocumentKey, Arc<Schedule>>,
    groups: BTreeMap<DocumentKey, Arc<GroupRecord>>,
}

/// Every schedule of every account.
#[derive(Default)]
pub struct Registry {
    entries: RwLock<Entries>,
    changed: Notify,
}

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        for (key, record) in store.all_documents::<GroupRecord>().await? {
            self.write().groups.insert(key, Arc::new(record));
        }
        for (key, record) in store.all_documents::<ScheduleRecord>().await? {
            self.put(key, record);
        }
        Ok(())
    }

    pub(super) fn schedule(&self, key: &DocumentKey) -> Option<Arc<Schedule>> {
        self.read().schedules.get(key).cloned()
    }

    /// Those of an account in a Region, by group and name.
    pub(super) fn of_account(&self, account_id: &str, region: &str) -> Vec<(DocumentKey, Arc<Schedule>)> {
        let entries = self.read();
        let from =
            DocumentKey { account_id: account_id.into(), region: region.into(), ..DocumentKey::default() };
        let here = entries.schedules.range(from..);
        let here = here.take_while(|(key, _)| key.account_id == account_id && key.region == region);
        here.map(|(key, schedule)| (key.clone(), Arc::clone(schedule))).collect()
    }

    /// A group that there is; the default one always is.
    pub(super) fn group(&self, key: &DocumentKey) -> Option<Arc<GroupRecord>> {
        let found = self.read().groups.get(key).cloned();
        found.or_else(|| (key.name == DEFAULT).then(Arc::default))
    }

    /// The groups of an account in a Region by their names; the default one is among them.
    pub(super) fn groups_of_account(
        &self,
        account_id: &str,
        region: &str,
    ) -> BTreeMap<DocumentKey, Arc<GroupRecord>> {
        let default = DocumentKey {
            account_id: account_id.into(),
            region: region.into(),
            parent: String::new(),
            name: DEFAULT.into(),
        };
        let entries = self.read();
        let here = entries.groups.iter();
        let here = here.filter(|(key, _)| key.account_id == account_id && key.region == region);
        let mut found: BTreeMap<_, _> = here.map(|(key, group)| (key.clone(), Arc::clone(group))).collect();
        found.entry(default).or_default();
        found
    }

    /// Those that may be due.
    pub(super) fn planned(&self) -> Vec<(DocumentKey, Arc<Schedule>)> {
        let entries = self.read();
        let planned = entries.schedules.iter().filter(|(_, schedule)| schedule.planned.is_some());
        planned.map(|(key, schedule)| (key.clone(), Arc::clone(schedule))).collect()
    }

    /// Until a schedule changes.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: DocumentKey, record: ScheduleRecord) {
        let planned = Planned::of(&key, &record);
        self.write().schedules.insert(key, Arc::new(Schedule { record, planned }));
        self.changed.notify_one();
    }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } if kind == ScheduleRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put(key.clone(), record);
                }
            }
            Change::DocumentStored { kind, key, document } if kind == GroupRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.write().groups.insert(key.clone(), Arc::new(record));
                }
            }
            Change::DocumentDeleted { kind, key } if kind == ScheduleRecord::KIND => {
                self.write().schedules.remove(key);
                self.changed.notify_one();
            }
            Change::DocumentDeleted { kind, key } if kind == GroupRecord::KIND => {
                self.write().groups.remove(key);
            }
            Change::EverythingDeleted => {
                *self.write() = Entries::default();
                self.changed.notify_one();
            }
            _ => {}
        }
    }
}
