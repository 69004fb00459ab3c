//! IAM: roles, users, groups, policies, access keys and instance profiles of every account.
//!
//! Each entity is a document of the store ([`records`]); an operation reads it, decides, and writes it in one transaction, and is
//! answered when that is durable. What is asked on the way of an invocation (roles, access keys) is also kept in memory and follows
//! the commits ([`directory`]).
//!
//! Built are the operations that clients of Lambda call. What the policies of a caller allow ([`CallerPolicies`]) is asked at the URLs of
//! functions alone so far.

mod access_keys;
mod account;
mod attachments;
mod aws_managed;
mod caller_policies;
mod credential_report;
pub(crate) mod directory;
mod error;
mod groups;
mod holders;
mod inline_policies;
mod instance_profiles;
mod managed_policies;
pub(crate) mod naming;
mod oidc_providers;
mod operations;
mod paging;
mod passwords;
pub(crate) mod policy_document;
pub(crate) mod records;
mod roles;
mod service_linked_roles;
mod signing_certificates;
mod tags;
mod users;

use store::{DocumentRange, Store, Transaction};

pub use caller_policies::CallerPolicies;
pub use directory::{Directory, MissingRoles, RoleTrust};
use error::IamError;
use records::Record;

/// What a handler gives.
type Handled<T> = Result<T, IamError>;

/// The service.
#[derive(Clone)]
pub struct Iam {
    store: Store,
}

impl Iam {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// An entity by its name.
    async fn read<R: Record>(&self, account_id: &str, name: &str) -> Handled<R> {
        let found = self.store.document::<R>(&records::key(account_id, name)).await?;
        found.filter(|record| record.name() == name).ok_or_else(|| R::missing(name))
    }

    /// Every entity of a kind, by name.
    async fn all<R: Record>(&self, account_id: &str) -> Handled<Vec<R>> {
        let found = self.store.documents::<R>(range(account_id)).await?;
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// Creates an entity that must not be there yet.
    async fn create<R: Record>(&self, account_id: &str, record: R, exists: IamError) -> Handled<R> {
        let key = records::key(account_id, record.name());
        self.store
            .transact(move |tx| {
                if tx.document::<R>(&key)?.is_some() {
                    return Err(exists);
                }
                tx.put_document(&key, &record)?;
                Ok(record)
            })
            .await
    }

    /// Changes an entity that must be there.
    async fn change<R: Record, T: Send + 'static>(
        &self,
        account_id: &str,
        name: Option<String>,
        change: impl FnOnce(&mut R, &Transaction<'_>) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let (account_id, name) = (account_id.to_owned(), name.unwrap_or_default());
        self.store
            .transact(move |tx| {
                let mut record = get::<R>(tx, &account_id, &name)?;
                let given = change(&mut record, tx)?;
                tx.put_document(&records::key(&account_id, &name), &record)?;
                Ok(given)
            })
            .await
    }

    /// Deletes an entity that must be there, unless `check` refuses.
    async fn delete<R: Record>(
        &self,
        account_id: &str,
        name: Option<String>,
        check: impl FnOnce(&R, &Transaction<'_>) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let (account_id, name) = (account_id.to_owned(), name.unwrap_or_default());
        self.store
            .transact(move |tx| {
                check(&get::<R>(tx, &account_id, &name)?, tx)?;
                tx.delete_document::<R>(&records::key(&account_id, &name))?;
                Ok(())
            })
            .await
    }
}

/// An entity by its name, inside a transaction.
fn get<R: Record>(tx: &Transaction<'_>, account_id: &str, name: &str) -> Handled<R> {
    let found = tx.document::<R>(&records::key(account_id, name))?;
    found.filter(|record| record.name() == name).ok_or_else(|| R::missing(name))
}

/// Every entity of a kind, inside a transaction.
fn list<R: Record>(tx: &Transaction<'_>, account_id: &str) -> Handled<Vec<R>> {
    Ok(tx.documents::<R>(&range(account_id))?.into_iter().map(|(_, record)| record).collect())
}

fn range(account_id: &str) -> DocumentRange {
    DocumentRange { account_id: account_id.to_owned(), ..DocumentRange::default() }
}

/// A time of the API: seconds.
fn seconds(ms: i64) -> Option<f64> {
    Some(ms.div_euclid(1000) as f64)
}
