//! The buses and rules that there are, in memory: made from what is committed, in the order of the commits.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use lambda_model::{
    event_source_mapping::filter::{Dialect, FilterPattern},
    schedule::Schedule,
};
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};
use tokio::sync::Notify;

use super::{
    bus::{BusKey, BusRecord, DEFAULT, RuleRecord},
    rule_index::RuleIndex,
};

/// A rule, its pattern read.
pub(super) struct Rule {
    pub record: RuleRecord,
    /// `None` where it has none.
    pub pattern: Option<FilterPattern>,
    /// When it is due, and since when it counts; `None` also of one that is disabled.
    pub schedule: Option<(Schedule, i64)>,
}

impl Rule {
    pub(super) fn new(record: RuleRecord) -> Self {
        let pattern = record.event_pattern.as_deref();
        let pattern = pattern.and_then(|text| FilterPattern::parse_as(text, Dialect::Rules).ok());
        let schedule = record.schedule.as_ref().filter(|_| record.is_enabled());
        let schedule = schedule.and_then(|(text, since_ms)| Some((Schedule::of_rule(text).ok()?, *since_ms)));
        Self { record, pattern, schedule }
    }
}

/// A bus with its rules, by their names.
#[derive(Clone, Default)]
pub(super) struct Bus {
    /// `None` where nothing was set of it: a default bus, or none.
    pub record: Option<Arc<BusRecord>>,
    /// Shared with who puts an event, so that many rules cost nothing to hand out.
    pub rules: Arc<RuleIndex>,
}

/// Every bus of every account.
#[derive(Default)]
pub struct Registry {
    buses: RwLock<BTreeMap<BusKey, Bus>>,
    schedules_changed: Notify,
}

/// A rule with its bus and its name.
pub(super) type Named = (BusKey, String, Arc<Rule>);

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        for (key, record) in store.all_documents::<BusRecord>().await? {
            self.put_bus(&key, record);
        }
        for (key, record) in store.all_documents::<RuleRecord>().await? {
            self.put_rule(&key, record);
        }
        Ok(())
    }

    /// A bus that there is; the default one always is.
    pub(super) fn bus(&self, key: &BusKey) -> Option<Bus> {
        let found = self.read(|buses| buses.get(key).cloned());
        match key.name == DEFAULT {
            true => Some(found.unwrap_or_default()),
            false => found.filter(|bus| bus.record.is_some()),
        }
    }

    /// The buses of an account in a Region, in the order of their names; the default one is among them.
    pub(super) fn of_account(&self, account_id: &str, region: &str) -> BTreeMap<BusKey, Bus> {
        let default =
            BusKey { account_id: account_id.into(), region: region.into(), name: DEFAULT.to_owned() };
        let is_there = |key: &BusKey, bus: &Bus| {
            key.account_id == account_id && key.region == region && bus.record.is_some()
        };
        let mut found: BTreeMap<BusKey, Bus> = self.read(|buses| {
            let there = buses.iter().filter(|(key, bus)| is_there(key, bus));
            there.map(|(key, bus)| (key.clone(), bus.clone())).collect()
        });
        let bus = self.bus(&default).unwrap_or_default();
        found.insert(default, bus);
        found
    }

    /// Rules that have a schedule, by their ARNs.
    pub(super) fn scheduled(&self) -> BTreeMap<String, Named> {
        self.read(|buses| {
            let rules = buses
                .iter()
                .flat_map(|(key, bus)| bus.rules.by_name().iter().map(move |(name, rule)| (key, name, rule)));
            let scheduled = rules.filter(|(_, _, rule)| rule.schedule.is_some());
            scheduled
                .map(|(key, name, rule)| (key.rule_arn(name), (key.clone(), name.clone(), Arc::clone(rule))))
                .collect()
        })
    }

    /// Until a rule changes that may have a schedule.
    pub(super) async fn schedules_changed(&self) {
        self.schedules_changed.notified().await;
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<BusKey, Bus>) -> T) -> T {
        read(&self.buses.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut BTreeMap<BusKey, Bus>)) {
        write(&mut self.buses.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn put_bus(&self, key: &DocumentKey, record: BusRecord) {
        let key = BusKey::of_document(key);
        self.write(|buses| buses.entry(key).or_default().record = Some(Arc::new(record)));
    }

    fn put_rule(&self, key: &DocumentKey, record: RuleRecord) {
        let bus = bus_of(key);
        let rule = Arc::new(Rule::new(record));
        self.write(|buses| {
            Arc::make_mut(&mut buses.entry(bus).or_default().rules).insert(&key.name, rule);
        });
        self.schedules_changed.notify_one();
    }
}

/// The bus of a rule that is kept so.
fn bus_of(rule: &DocumentKey) -> BusKey {
    BusKey { name: rule.parent.clone(), ..BusKey::of_document(rule) }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } if kind == BusRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put_bus(key, record);
                }
            }
            Change::DocumentStored { kind, key, document } if kind == RuleRecord::KIND => {
                if let Ok(record) = serde_json::from_slice(document) {
                    self.put_rule(key, record);
                }
            }
            Change::DocumentDeleted { kind, key } if kind == BusRecord::KIND => {
                self.write(|buses| {
                    buses.remove(&BusKey::of_document(key));
                });
            }
            Change::DocumentDeleted { kind, key } if kind == RuleRecord::KIND => self.write(|buses| {
                if let Some(bus) = buses.get_mut(&bus_of(key)) {
                    Arc::make_mut(&mut bus.rules).remove(&key.name);
                }
                self.schedules_changed.notify_one();
            }),
            Change::EverythingDeleted => {
                self.write(BTreeMap::clear);
                self.schedules_changed.notify_one();
            }
            _ => {}
        }
    }
}
