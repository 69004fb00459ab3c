//! Roles and access keys in memory, as the last commit left them: what is asked on the way of an invocation.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use lambda_model::credentials::{Credential, CredentialError, ExecutionRoles, Principal, PrincipalKind};
use serde::de::DeserializeOwned;
use store::{Change, CommitObserver, Document, DocumentKey, Store, StoreError};

use super::{
    naming, policy_document,
    records::{self, AccessKey, Role, User},
};

/// Whether a role lets a service assume it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleTrust {
    /// There is no such role.
    Missing,
    /// Its trust policy names the service.
    Trusts,
    /// Its trust policy does not.
    DoesNotTrust,
}

/// Whether a role that does not exist is taken for one that everybody may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRoles {
    /// As it is convenient where nobody's credentials are checked.
    Accepted,
    /// As on AWS.
    Refused,
}

/// What is in memory.
pub struct Directory {
    entries: RwLock<Entries>,
    missing_roles: MissingRoles,
}

#[derive(Default)]
struct Entries {
    roles: HashMap<DocumentKey, Role>,
    users: HashMap<DocumentKey, User>,
    /// With the account of each.
    access_keys: HashMap<String, (String, AccessKey)>,
}

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(missing_roles: MissingRoles) -> Self {
        Self { entries: RwLock::default(), missing_roles }
    }

    /// Whether a role that does not exist may be assumed.
    pub(crate) fn accepts_missing_roles(&self) -> bool {
        self.missing_roles == MissingRoles::Accepted
    }

    /// Reads what is stored. To be called once the directory follows the commits.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let (roles, users) = (store.all_documents::<Role>().await?, store.all_documents::<User>().await?);
        let access_keys = store.all_documents::<AccessKey>().await?;
        let mut entries = self.write();
        entries.roles.extend(roles);
        entries.users.extend(users);
        entries.access_keys.extend(
            access_keys.into_iter().map(|(key, access_key)| (key.name, (key.account_id, access_key))),
        );
        Ok(())
    }

    /// Whether the role of this ARN lets `service`, such as `lambda.amazonaws.com`, assume it.
    pub fn role_trusts(&self, role_arn: &str, service: &str) -> RoleTrust {
        match self.role(role_arn) {
            None => RoleTrust::Missing,
            Some(role) if policy_document::trusts(&role.trust, service) => RoleTrust::Trusts,
            Some(_) => RoleTrust::DoesNotTrust,
        }
    }

    /// Whether a service may have the role for something of an account. One that is known must trust the service; where credentials are
    /// verified, it must be known, and be of the same account.
    pub(crate) fn may_be_passed_to(&self, service: &str, role_arn: &str, account_id: &str) -> bool {
        match self.role_trusts(role_arn, service) {
            RoleTrust::Missing => self.accepts_missing_roles(),
            RoleTrust::Trusts => self.accepts_missing_roles() || naming::account_in(role_arn) == account_id,
            RoleTrust::DoesNotTrust => false,
        }
    }

    /// The role of an ARN.
    pub(crate) fn role(&self, role_arn: &str) -> Option<Role> {
        let key = records::key(naming::account_in(role_arn), naming::name_in(role_arn));
        self.read().roles.get(&key).filter(|role| role.arn == role_arn).cloned()
    }

    /// The secret and the owner of a user's access key.
    ///
    /// # Errors
    /// That nobody has it, or that it is switched off.
    pub(crate) fn access_key(&self, id: &str) -> Result<Credential, CredentialError> {
        let entries = self.read();
        let (account_id, key) = entries.access_keys.get(id).ok_or(CredentialError::UnknownAccessKey)?;
        if !key.active {
            return Err(CredentialError::InactiveAccessKey);
        }
        let user = entries.users.get(&records::key(account_id, &key.user_name));
        let user = user.ok_or(CredentialError::UnknownAccessKey)?;
        Ok(Credential {
            secret_access_key: key.secret.clone(),
            principal: Principal {
                account_id: account_id.clone(),
                arn: user.arn.clone(),
                user_id: user.id.clone(),
                kind: PrincipalKind::User { name: user.name.clone() },
            },
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExecutionRoles for Directory {
    fn may_be_passed_to_lambda(&self, role_arn: &str, account_id: &str) -> bool {
        self.may_be_passed_to("lambda.amazonaws.com", role_arn, account_id)
    }
}

impl CommitObserver for Directory {
    fn committed(&self, change: &Change) {
        match change {
            Change::DocumentStored { kind, key, document } => self.stored(kind, key, document),
            Change::DocumentDeleted { kind, key } => self.deleted(kind, key),
            Change::EverythingDeleted => *self.write() = Entries::default(),
            Change::FunctionStored(_) | Change::VersionDeleted(..) | Change::FunctionDeleted(_) => {}
        }
    }
}

impl Directory {
    fn stored(&self, kind: &str, key: &DocumentKey, document: &[u8]) {
        match kind {
            Role::KIND => {
                if let Some(role) = decoded(document) {
                    self.write().roles.insert(key.clone(), role);
                }
            }
            User::KIND => {
                if let Some(user) = decoded(document) {
                    self.write().users.insert(key.clone(), user);
                }
            }
            AccessKey::KIND => {
                if let Some(access_key) = decoded(document) {
                    let entry = (key.account_id.clone(), access_key);
                    self.write().access_keys.insert(key.name.clone(), entry);
                }
            }
            _ => {}
        }
    }

    fn deleted(&self, kind: &str, key: &DocumentKey) {
        match kind {
            Role::KIND => drop(self.write().roles.remove(key)),
            User::KIND => drop(self.write().users.remove(key)),
            AccessKey::KIND => drop(self.write().access_keys.remove(&key.name)),
            _ => {}
        }
    }
}

/// What was just encoded decodes.
fn decoded<D: DeserializeOwned>(document: &[u8]) -> Option<D> {
    serde_json::from_slice(document)
        .inspect_err(|error| tracing::error!(%error, "a stored document of IAM does not decode"))
        .ok()
}
