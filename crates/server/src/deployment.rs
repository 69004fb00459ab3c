//! What follows from a committed change of a function, whoever made it and whether or not they still wait: invocations see it at
//! once, environments of what was before are retired, and what is Pending is prepared.
//!
//! ```text
//! store's writer ──commit──► Deployment: catalog (at once)
//!                               └──► task: retire environments, begin preparation
//! ```

use std::sync::Arc;

use lambda_model::{
    concurrency::ProvisionedConcurrency,
    function::{Alias, FunctionKey, FunctionRecord, FunctionState, LastUpdateStatus},
    invocation::event_invoke_config::EventInvokeConfig,
    ports::{ExecutionEnvironments, FunctionCatalog},
};
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};
use tokio::sync::mpsc;

use crate::{
    catalog::Catalog,
    preparation::{Preparation, Unprepared},
};

/// Told by the store.
pub(crate) struct Deployment {
    catalog: Arc<Catalog>,
    /// Its length has no bound of its own: each entry is a commit that a client waited for.
    follow_ups: mpsc::UnboundedSender<FollowUp>,
}

/// What is left to do after a commit.
enum FollowUp {
    /// A version changed, or is gone.
    Version(ChangedVersion),
    /// What is to be kept initialised of a function may have changed.
    Provision(FunctionKey),
}

struct ChangedVersion {
    key: FunctionKey,
    /// `None` when the function is gone.
    version: Option<String>,
    /// The deployment that invocations run from now on; `None` when what changed is gone.
    running: Option<String>,
    unprepared: Option<Unprepared>,
}

impl From<&FunctionRecord> for ChangedVersion {
    fn from(record: &FunctionRecord) -> Self {
        Self {
            key: record.key.clone(),
            version: Some(record.version.clone()),
            running: Some(record.running_deployment_id().to_owned()),
            unprepared: is_unprepared(record).then(|| Unprepared::from(record)),
        }
    }
}

/// The other end: what [`FollowUps::run`] works off.
pub(crate) struct FollowUps {
    receiver: mpsc::UnboundedReceiver<FollowUp>,
    catalog: Arc<Catalog>,
}

impl Deployment {
    /// Keeps `catalog` as the store is.
    pub(crate) fn new(catalog: Arc<Catalog>) -> (Arc<Self>, FollowUps) {
        let (follow_ups, receiver) = mpsc::unbounded_channel();
        let left = FollowUps { receiver, catalog: Arc::clone(&catalog) };
        (Arc::new(Self { catalog, follow_ups }), left)
    }
}

impl Deployment {
    /// A version is as the record says.
    pub(crate) fn stored(&self, record: &FunctionRecord) {
        self.catalog.put(record.clone());
        self.follow_up(ChangedVersion::from(record));
    }

    fn follow_up(&self, changed: ChangedVersion) {
        let _ = self.follow_ups.send(FollowUp::Version(changed));
    }

    /// Takes over, at start, what belongs to functions.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn load_documents(&self, store: &Store) -> Result<(), StoreError> {
        for (key, alias) in store.all_documents::<Alias>().await? {
            self.catalog.put_alias(&function_of(&key), alias);
        }
        for (key, provisioned) in store.all_documents::<ProvisionedConcurrency>().await? {
            self.catalog.put_provisioned(&function_of(&key), &key.name, provisioned.requested);
            self.provision(&key);
        }
        for (key, config) in store.all_documents::<EventInvokeConfig>().await? {
            self.catalog.put_event_invoke_config(&function_of(&key), &key.name, config);
        }
        Ok(())
    }

    fn gone(&self, key: &FunctionKey, version: Option<&str>) {
        let version = version.map(str::to_owned);
        self.follow_up(ChangedVersion { key: key.clone(), version, running: None, unprepared: None });
    }

    fn document_stored(&self, kind: &str, key: &DocumentKey, document: &[u8]) -> serde_json::Result<()> {
        match kind {
            Alias::KIND => self.catalog.put_alias(&function_of(key), serde_json::from_slice(document)?),
            ProvisionedConcurrency::KIND => {
                let provisioned: ProvisionedConcurrency = serde_json::from_slice(document)?;
                self.catalog.put_provisioned(&function_of(key), &key.name, provisioned.requested);
            }
            EventInvokeConfig::KIND => {
                let config = serde_json::from_slice(document)?;
                self.catalog.put_event_invoke_config(&function_of(key), &key.name, config);
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.provision(key);
        Ok(())
    }

    fn document_deleted(&self, kind: &str, key: &DocumentKey) {
        match kind {
            Alias::KIND => self.catalog.remove_alias(&function_of(key), &key.name),
            ProvisionedConcurrency::KIND => self.catalog.remove_provisioned(&function_of(key), &key.name),
            EventInvokeConfig::KIND => {
                return self.catalog.remove_event_invoke_config(&function_of(key), &key.name);
            }
            _ => return,
        }
        self.provision(key);
    }

    /// What is to be kept initialised of the function may have changed.
    fn provision(&self, key: &DocumentKey) {
        let _ = self.follow_ups.send(FollowUp::Provision(function_of(key)));
    }
}

impl CommitObserver for Deployment {
    /// Nothing runs of what was before it, and a start waits for this. What a dead server left unprepared is prepared now.
    fn found(&self, record: FunctionRecord) {
        let unprepared = is_unprepared(&record).then(|| ChangedVersion::from(&record));
        self.catalog.put(record);
        unprepared.into_iter().for_each(|unprepared| self.follow_up(unprepared));
    }

    fn committed(&self, change: &Change) {
        match change {
            Change::FunctionStored(record) => self.stored(record),
            Change::VersionDeleted(key, version) => {
                self.catalog.remove_version(key, version);
                self.gone(key, Some(version));
            }
            Change::FunctionDeleted(key) => {
                self.catalog.remove(key);
                self.gone(key, None);
            }
            Change::DocumentStored { kind, key, document } => {
                if let Err(error) = self.document_stored(kind, key, document) {
                    tracing::error!(%error, kind, "a stored document cannot be read");
                }
            }
            Change::DocumentDeleted { kind, key } => self.document_deleted(kind, key),
            Change::EverythingDeleted => {}
        }
    }
}

fn is_unprepared(record: &FunctionRecord) -> bool {
    record.state == FunctionState::Pending || record.last_update_status == LastUpdateStatus::InProgress
}

/// The function that a document belongs to.
pub(crate) fn function_of(key: &DocumentKey) -> FunctionKey {
    FunctionKey { account_id: key.account_id.clone(), region: key.region.clone(), name: key.parent.clone() }
}

impl FollowUps {
    /// Works until the store is gone.
    pub(crate) async fn run(
        mut self,
        environments: Arc<dyn ExecutionEnvironments>,
        preparation: Arc<Preparation>,
    ) {
        while let Some(follow_up) = self.receiver.recv().await {
            let key = match follow_up {
                FollowUp::Version(ChangedVersion { key, version, running, unprepared }) => {
                    environments.retire(&key, version.as_deref(), running.as_deref());
                    if let Some(unprepared) = unprepared {
                        preparation.begin(unprepared, self.expect(&environments, &key, version));
                    }
                    key
                }
                FollowUp::Provision(key) => key,
            };
            environments.provision(&key, self.catalog.to_provision(&key));
        }
    }

    /// Tells environments of a version, if it is still there.
    fn expect(
        &self,
        environments: &Arc<dyn ExecutionEnvironments>,
        key: &FunctionKey,
        version: Option<String>,
    ) -> impl FnOnce() + Send + use<> {
        let (catalog, environments, key) = (Arc::clone(&self.catalog), Arc::clone(environments), key.clone());
        move || {
            if let Ok(found) = catalog.resolve(&key, version.as_deref(), 0.0) {
                environments.expect(&found.version);
            }
        }
    }
}
