//! The URLs of functions in memory, with the policies that let callers in: made from what is committed, in the order of the commits.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use lambda_model::{
    authorization::PolicyDocument,
    function::{
        FunctionKey, LATEST,
        resource_policy::ResourcePolicy,
        url::{Cors, FunctionUrl},
    },
};
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};

use crate::deployment::function_of;

/// A URL, and what it is of.
#[derive(Debug, Clone)]
pub(super) struct Url {
    pub key: FunctionKey,
    /// An alias; `None` for the function itself.
    pub qualifier: Option<String>,
    /// `AWS_IAM` or `NONE`.
    pub auth_type: String,
    pub is_streaming: bool,
    pub cors: Option<Cors>,
}

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Urls {
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<String, Arc<Url>>,
    ids: HashMap<DocumentKey, String>,
    policies: HashMap<DocumentKey, Arc<PolicyDocument>>,
}

impl Urls {
    /// Takes over what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let (urls, policies) =
            (store.all_documents::<FunctionUrl>().await?, store.all_documents::<ResourcePolicy>().await?);
        let mut entries = self.write();
        urls.into_iter().for_each(|(key, url)| entries.put(key, url));
        policies.iter().for_each(|(key, policy)| entries.put_policy(key, policy));
        Ok(())
    }

    /// The URL of an id, and the policy of what it is of.
    pub(super) fn find(&self, url_id: &str) -> Option<(Arc<Url>, Option<Arc<PolicyDocument>>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let url = Arc::clone(entries.by_id.get(url_id)?);
        drop(entries);
        let policy = self.policy(&url.key, url.qualifier.as_deref());
        Some((url, policy))
    }

    /// The policy of a function, or of one of its versions or aliases.
    pub(super) fn policy(&self, key: &FunctionKey, qualifier: Option<&str>) -> Option<Arc<PolicyDocument>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.policies.get(&DocumentKey::of_function(key, qualifier.unwrap_or(LATEST))).cloned()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn put(&mut self, key: DocumentKey, url: FunctionUrl) {
        self.forget(&key);
        let entry = Url {
            key: function_of(&key),
            qualifier: Some(key.name.clone()).filter(|name| name != LATEST),
            auth_type: url.auth_type,
            is_streaming: url.invoke_mode == "RESPONSE_STREAM",
            cors: url.cors,
        };
        self.by_id.insert(url.url_id.clone(), Arc::new(entry));
        self.ids.insert(key, url.url_id);
    }

    fn forget(&mut self, key: &DocumentKey) {
        if let Some(id) = self.ids.remove(key) {
            self.by_id.remove(&id);
        }
    }

    /// One that cannot be read lets nobody in.
    fn put_policy(&mut self, key: &DocumentKey, policy: &ResourcePolicy) {
        let document = PolicyDocument::parse(&policy.document()).unwrap_or_default();
        self.policies.insert(key.clone(), Arc::new(document));
    }

    fn take(&mut self, change: &Change) -> serde_json::Result<()> {
        match change {
            Change::DocumentStored { kind, key, document } if kind == FunctionUrl::KIND => {
                self.put(key.clone(), serde_json::from_slice(document)?);
            }
            Change::DocumentStored { kind, key, document } if kind == ResourcePolicy::KIND => {
                self.put_policy(key, &serde_json::from_slice(document)?);
            }
            Change::DocumentDeleted { kind, key } if kind == FunctionUrl::KIND => self.forget(key),
            Change::DocumentDeleted { kind, key } if kind == ResourcePolicy::KIND => {
                self.policies.remove(key);
            }
            Change::FunctionDeleted(function) => {
                let gone: Vec<_> =
                    self.ids.keys().filter(|key| function_of(key) == *function).cloned().collect();
                gone.iter().for_each(|key| self.forget(key));
                self.policies.retain(|key, _| function_of(key) != *function);
            }
            Change::EverythingDeleted => *self = Self::default(),
            _ => {}
        }
        Ok(())
    }
}

impl CommitObserver for Urls {
    fn committed(&self, change: &Change) {
        if let Err(error) = self.write().take(change) {
            tracing::error!(%error, "a stored URL of a function, or its policy, cannot be read");
        }
    }
}
