//! The APIs that there are, in memory, as those who answer for them need them: made from what is committed, in the order of the commits.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use lambda_model::http_api::RouteTable;
use serde_json::Value;
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};

use super::{
    domains::DomainRecord,
    record::{ApiRecord, Shape, Snapshot, text},
    stages::CACHE_RESET,
};

/// An API as it is served.
pub struct DeployedApi {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its id.
    pub api_id: String,
    /// Whether it is an HTTP API, and not one of WebSockets.
    pub is_http: bool,
    /// How the route of a message is chosen, where it is one of WebSockets.
    pub route_selection: String,
    /// Whether only its custom domain names are answered.
    pub is_endpoint_disabled: bool,
    /// Stages by name.
    pub stages: HashMap<String, Arc<DeployedStage>>,
}

/// A stage with what is deployed to it.
pub struct DeployedStage {
    /// Its name.
    pub name: String,
    /// `Stage` of the model.
    pub settings: Shape,
    /// What is deployed; nothing where nothing is.
    pub snapshot: Snapshot,
    /// The routes of it, by what they match.
    pub routes: RouteTable,
    /// Since when what authorizers said counts, Unix time, milliseconds.
    pub cache_reset_ms: i64,
}

/// What a path of a custom domain name is mapped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The API.
    pub api_id: String,
    /// Its stage.
    pub stage: String,
    /// The mapping's key: what of the path is not the API's.
    pub base_path: String,
}

/// See the module's doc.
#[derive(Default)]
pub struct Registry {
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    records: BTreeMap<DocumentKey, Arc<ApiRecord>>,
    deployed: HashMap<String, Arc<DeployedApi>>,
    domains: HashMap<String, Vec<Mapped>>,
}

impl Registry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let (apis, domains) =
            (store.all_documents::<ApiRecord>().await?, store.all_documents::<DomainRecord>().await?);
        let mut entries = self.write();
        apis.into_iter().for_each(|(key, record)| entries.put(key, record));
        domains.into_iter().for_each(|(key, record)| entries.put_domain(key.name, &record));
        Ok(())
    }

    /// The API of an id, as it is served.
    pub fn deployed(&self, api_id: &str) -> Option<Arc<DeployedApi>> {
        self.read().deployed.get(api_id).cloned()
    }

    /// What a path of a custom domain name, without its port, is mapped to: the longest key wins. `None` within for a domain name that
    /// has no mapping for it.
    pub fn mapped(&self, domain: &str, path: &str) -> Option<Option<Mapped>> {
        let entries = self.read();
        let mappings = entries.domains.get(&domain.to_ascii_lowercase())?;
        let is_of = |mapped: &&Mapped| {
            let key = &mapped.base_path;
            let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(key.as_str()));
            key.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Some(mappings.iter().filter(is_of).max_by_key(|mapped| mapped.base_path.len()).cloned())
    }

    /// Whether there is any custom domain name.
    pub fn has_domains(&self) -> bool {
        !self.read().domains.is_empty()
    }

    /// Whether a custom domain name is anybody's.
    pub(super) fn has_domain(&self, domain: &str) -> bool {
        self.read().domains.contains_key(&domain.to_ascii_lowercase())
    }

    pub(super) fn record(&self, key: &DocumentKey) -> Option<Arc<ApiRecord>> {
        self.read().records.get(key).cloned()
    }

    pub(super) fn of_account(&self, account_id: &str, region: &str) -> Vec<Arc<ApiRecord>> {
        let entries = self.read();
        let own =
            entries.records.iter().filter(|(key, _)| key.account_id == account_id && key.region == region);
        own.map(|(_, record)| Arc::clone(record)).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn put(&mut self, key: DocumentKey, record: ApiRecord) {
        self.deployed.insert(key.name.clone(), Arc::new(deployed(&key, &record)));
        self.records.insert(key, Arc::new(record));
    }

    fn put_domain(&mut self, domain: String, record: &DomainRecord) {
        let mapped = |mapping: &Shape| Mapped {
            api_id: text(mapping, "ApiId").to_owned(),
            stage: text(mapping, "Stage").to_owned(),
            base_path: text(mapping, "ApiMappingKey").to_owned(),
        };
        self.domains.insert(domain, record.mappings.values().map(mapped).collect());
    }

    fn take(&mut self, change: &Change) -> serde_json::Result<()> {
        match change {
            Change::DocumentStored { kind, key, document } if kind == ApiRecord::KIND => {
                self.put(key.clone(), serde_json::from_slice(document)?);
            }
            Change::DocumentStored { kind, key, document } if kind == DomainRecord::KIND => {
                self.put_domain(key.name.clone(), &serde_json::from_slice(document)?);
            }
            Change::DocumentDeleted { kind, key } if kind == ApiRecord::KIND => {
                self.records.remove(key);
                self.deployed.remove(&key.name);
            }
            Change::DocumentDeleted { kind, key } if kind == DomainRecord::KIND => {
                self.domains.remove(&key.name);
            }
            Change::EverythingDeleted => *self = Self::default(),
            _ => {}
        }
        Ok(())
    }
}

fn deployed(key: &DocumentKey, record: &ApiRecord) -> DeployedApi {
    let stages = record.of("Stage").iter().map(|(name, settings)| {
        let snapshot = record.snapshots.get(text(settings, "DeploymentId")).cloned().unwrap_or_default();
        let routes = snapshot.routes.iter().map(|(id, route)| (text(route, "RouteKey"), id.as_str()));
        let stage = DeployedStage {
            name: name.clone(),
            settings: settings.clone(),
            routes: RouteTable::new(routes),
            cache_reset_ms: settings.get(CACHE_RESET).and_then(Value::as_i64).unwrap_or_default(),
            snapshot,
        };
        (name.clone(), Arc::new(stage))
    });
    DeployedApi {
        account_id: key.account_id.clone(),
        region: key.region.clone(),
        api_id: key.name.clone(),
        is_http: record.is_http(),
        route_selection: record.text("RouteSelectionExpression").to_owned(),
        is_endpoint_disabled: record.api.get("DisableExecuteApiEndpoint") == Some(&Value::Bool(true)),
        stages: stages.collect(),
    }
}

impl CommitObserver for Registry {
    fn committed(&self, change: &Change) {
        if let Err(error) = self.write().take(change) {
            tracing::error!(%error, "a stored API or domain name cannot be read");
        }
    }
}
