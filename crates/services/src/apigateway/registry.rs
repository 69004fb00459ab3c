//! The REST APIs that there are, in memory, as those who answer for them need them: made from what is committed, in the order of the
//! commits.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde_json::Value;
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};

use super::{
    api_keys::ApiKeyRecord,
    compiled::Compiled,
    record::{ApiRecord, DeploymentRecord, Shape, text},
    stages::CACHE_RESET,
};

/// An API as it is served.
pub struct DeployedRestApi {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its id.
    pub api_id: String,
    /// Whether only its custom domain names are answered.
    pub is_endpoint_disabled: bool,
    /// Stages by name.
    pub stages: HashMap<String, Arc<RestStage>>,
}

/// A stage with what is deployed to it.
pub struct RestStage {
    /// Its name.
    pub name: String,
    /// `Stage` of the model.
    pub settings: Shape,
    /// What is deployed.
    pub deployed: Arc<Compiled>,
    /// Since when what authorizers said counts, Unix time, milliseconds.
    pub cache_reset_ms: i64,
}

/// A key that a caller may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Whether it may be used.
    pub is_enabled: bool,
    /// What it is for: `api/stage`.
    pub stages: Vec<String>,
}

/// See the module's doc.
#[derive(Default)]
pub struct RestRegistry {
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    records: BTreeMap<DocumentKey, Arc<ApiRecord>>,
    /// Deployments by the API's key and their id.
    deployments: BTreeMap<DocumentKey, BTreeMap<String, Deployed>>,
    served: HashMap<String, Arc<DeployedRestApi>>,
    keys: BTreeMap<DocumentKey, Shape>,
    /// Keys by account and value.
    values: HashMap<(String, String), ApiKey>,
}

struct Deployed {
    record: Arc<DeploymentRecord>,
    compiled: Arc<Compiled>,
}

impl RestRegistry {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let apis = store.all_documents::<ApiRecord>().await?;
        let deployments = store.all_documents::<DeploymentRecord>().await?;
        let keys = store.all_documents::<ApiKeyRecord>().await?;
        let mut entries = self.write();
        // Stages are served by the deployments that are there.
        deployments.into_iter().for_each(|(key, record)| entries.put_deployment(key, record));
        apis.into_iter().for_each(|(key, record)| entries.put(key, record));
        keys.into_iter().for_each(|(key, record)| entries.put_key(key, record.0));
        Ok(())
    }

    /// The API of an id, as it is served.
    pub fn served(&self, api_id: &str) -> Option<Arc<DeployedRestApi>> {
        self.read().served.get(api_id).cloned()
    }

    /// The key of a value that a caller sent.
    pub fn key_of(&self, account_id: &str, value: &str) -> Option<ApiKey> {
        self.read().values.get(&(account_id.to_owned(), value.to_owned())).cloned()
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

    pub(super) fn deployment(&self, api: &DocumentKey, id: &str) -> Option<Arc<DeploymentRecord>> {
        self.read().deployments.get(api)?.get(id).map(|it| Arc::clone(&it.record))
    }

    pub(super) fn deployments(&self, api: &DocumentKey) -> Vec<Shape> {
        let entries = self.read();
        let all = entries.deployments.get(api).into_iter().flat_map(BTreeMap::values);
        all.map(|deployed| deployed.record.deployment.clone()).collect()
    }

    pub(super) fn api_key(&self, key: &DocumentKey) -> Option<Shape> {
        self.read().keys.get(key).cloned()
    }

    pub(super) fn api_keys(&self, account_id: &str, region: &str) -> Vec<Shape> {
        let entries = self.read();
        let own = entries.keys.iter().filter(|(key, _)| key.account_id == account_id && key.region == region);
        own.map(|(_, record)| record.clone()).collect()
    }

    /// Whether anybody has a key of this value: values are unique.
    pub(super) fn has_key_value(&self, value: &str) -> bool {
        self.read().values.keys().any(|(_, known)| known == value)
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
        self.records.insert(key.clone(), Arc::new(record));
        self.serve(&key);
    }

    /// Makes anew what is served of an API.
    fn serve(&mut self, key: &DocumentKey) {
        let Some(record) = self.records.get(key) else { return };
        let deployments = self.deployments.get(key);
        let stage = |(name, settings): (&String, &Shape)| {
            let deployed = deployments?.get(text(settings, "deploymentId"))?;
            let stage = RestStage {
                name: name.clone(),
                settings: settings.clone(),
                deployed: Arc::clone(&deployed.compiled),
                cache_reset_ms: settings.get(CACHE_RESET).and_then(Value::as_i64).unwrap_or_default(),
            };
            Some((name.clone(), Arc::new(stage)))
        };
        let served = DeployedRestApi {
            account_id: key.account_id.clone(),
            region: key.region.clone(),
            api_id: key.name.clone(),
            is_endpoint_disabled: record.api.get("disableExecuteApiEndpoint") == Some(&Value::Bool(true)),
            stages: record.stages.iter().filter_map(stage).collect(),
        };
        self.served.insert(key.name.clone(), Arc::new(served));
    }

    fn put_deployment(&mut self, key: DocumentKey, record: DeploymentRecord) {
        let (api, id) = api_of(key);
        let of_api = self.deployments.entry(api.clone()).or_default();
        // What is deployed does not change; only its description does.
        let compiled = match of_api.get(&id) {
            Some(before) => Arc::clone(&before.compiled),
            None => Arc::new(Compiled::new(record.snapshot.clone(), &arn_of(&api))),
        };
        of_api.insert(id, Deployed { record: Arc::new(record), compiled });
        self.serve(&api);
    }

    fn put_key(&mut self, key: DocumentKey, record: Shape) {
        self.forget_key(&key);
        let stages = record.get("stageKeys").and_then(Value::as_array).into_iter().flatten();
        let known = ApiKey {
            id: text(&record, "id").to_owned(),
            is_enabled: record.get("enabled") == Some(&Value::Bool(true)),
            stages: stages.filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        self.values.insert((key.account_id.clone(), text(&record, "value").to_owned()), known);
        self.keys.insert(key, record);
    }

    fn forget_key(&mut self, key: &DocumentKey) {
        if let Some(record) = self.keys.remove(key) {
            self.values.remove(&(key.account_id.clone(), text(&record, "value").to_owned()));
        }
    }

    fn take(&mut self, change: &Change) -> serde_json::Result<()> {
        match change {
            Change::DocumentStored { kind, key, document } if kind == ApiRecord::KIND => {
                self.put(key.clone(), serde_json::from_slice(document)?);
            }
            Change::DocumentStored { kind, key, document } if kind == DeploymentRecord::KIND => {
                self.put_deployment(key.clone(), serde_json::from_slice(document)?);
            }
            Change::DocumentStored { kind, key, document } if kind == ApiKeyRecord::KIND => {
                self.put_key(key.clone(), serde_json::from_slice(document)?);
            }
            Change::DocumentDeleted { kind, key } if kind == ApiRecord::KIND => {
                self.records.remove(key);
                self.served.remove(&key.name);
            }
            Change::DocumentDeleted { kind, key } if kind == DeploymentRecord::KIND => {
                let (api, id) = api_of(key.clone());
                self.deployments.get_mut(&api).into_iter().for_each(|all| drop(all.remove(&id)));
            }
            Change::DocumentDeleted { kind, key } if kind == ApiKeyRecord::KIND => self.forget_key(key),
            Change::EverythingDeleted => *self = Self::default(),
            _ => {}
        }
        Ok(())
    }
}

impl CommitObserver for RestRegistry {
    fn committed(&self, change: &Change) {
        if let Err(error) = self.write().take(change) {
            tracing::error!(%error, "a stored REST API cannot be read");
        }
    }
}

/// What the ARNs of an API's requests begin with.
pub(super) fn arn_of(api: &DocumentKey) -> String {
    format!("arn:aws:execute-api:{}:{}:{}", api.region, api.account_id, api.name)
}

/// The key of a deployment's API, and the deployment's id.
fn api_of(deployment: DocumentKey) -> (DocumentKey, String) {
    let DocumentKey { account_id, region, parent, name } = deployment;
    (DocumentKey { account_id, region, parent: String::new(), name: parent }, name)
}
