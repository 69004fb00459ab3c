//! Secrets Manager: secrets, each with versions that staging labels name.
//!
//! ```text
//! put ──► a new version ──► AWSCURRENT ──► (the next one is put) AWSPREVIOUS ──► no label: forgotten when there are too many
//!
//! secret: there ◄──► to be deleted at a time ──► gone
//! ```
//! A secret is one document with all of its versions: whatever is asked of it sees one state. Values are not encrypted beyond what
//! the disk does; nobody but the server can read its data directory.

mod deletion;
mod error;
mod listing;
mod operations;
pub(crate) mod owned;
mod password;
mod policy;
mod record;
mod secrets;
mod stages;
mod tags;
mod values;

use aws_api::{
    error_response::ApiError,
    protocol::aws_json::{self, Dialect},
};
use store::{DocumentKey, Store, Transaction};

use self::{
    error::{marked, no_secret},
    record::{SecretId, SecretRecord},
};
use crate::{change::ChangeError, service::ServiceContext};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct SecretsManager {
    store: Store,
}

impl SecretsManager {
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_1,
        invalid: "ValidationException",
        namespace: "",
        query_code: None,
    };

    /// What the operations of its requests begin with.
    pub const TARGET: &'static str = "secretsmanager";

    /// The service, on the documents of the store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The text of a secret as it is now, for whoever connects to something with it; `None` where there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn text_of(&self, arn: &str, now_ms: i64) -> Handled<Option<String>> {
        let Some(id) = SecretId::of_arn(arn) else { return Ok(None) };
        let found = self.find(&id, now_ms).await?.filter(|(_, secret)| secret.deletion_ms.is_none());
        let version = found.and_then(|(_, secret)| secret.version_at(record::CURRENT).cloned());
        Ok(version.and_then(|version| version.text))
    }

    /// A secret that a request names, also one that is to be deleted.
    async fn find(&self, id: &SecretId, now_ms: i64) -> Handled<Option<(DocumentKey, SecretRecord)>> {
        for key in id.keys() {
            let secret = self.store.document::<SecretRecord>(&key).await.map_err(crate::change::of_store)?;
            if let Some(secret) = secret.filter(|secret| id.is_of(secret) && !secret.is_gone(now_ms)) {
                return Ok(Some((key, secret)));
            }
        }
        Ok(None)
    }

    async fn existing(
        &self,
        context: &ServiceContext,
        id: Option<String>,
    ) -> Handled<(DocumentKey, SecretRecord)> {
        let id = SecretId::of(context, &id.unwrap_or_default());
        self.find(&id, context.now_ms).await?.ok_or_else(no_secret)
    }

    /// The same, where nobody may work with one that is to be deleted.
    async fn usable(
        &self,
        context: &ServiceContext,
        id: Option<String>,
    ) -> Handled<(DocumentKey, SecretRecord)> {
        let found = self.existing(context, id).await?;
        if found.1.deletion_ms.is_some() { Err(marked()) } else { Ok(found) }
    }

    /// Changes a secret that is not to be deleted.
    async fn change<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        id: Option<String>,
        change: impl FnOnce(&DocumentKey, &mut SecretRecord) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let (key, _) = self.usable(context, id).await?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let mut secret = transaction.document::<SecretRecord>(&key)?.ok_or_else(no_secret)?;
            if secret.deletion_ms.is_some() {
                return Err(marked().into());
            }
            let answer = change(&key, &mut secret)?;
            transaction.put_document(&key, &secret)?;
            Ok(answer)
        };
        Ok(self.store.transact(change).await?)
    }
}
