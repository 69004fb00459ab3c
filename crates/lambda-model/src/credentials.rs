//! Access keys and whom they belong to: what authentication asks of IAM and STS, and what a function's environment is given.

use thiserror::Error;

/// Who a request's credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `arn:aws:sts::000000000000:assumed-role/my-role/my-function`.
    pub arn: String,
    /// `UserId` of GetCallerIdentity: the account's id, `AIDA...`, or `AROA...:session`.
    pub user_id: String,
    /// See [`PrincipalKind`].
    pub kind: PrincipalKind,
}

/// What sort of identity a principal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The account itself.
    Root,
    /// An IAM user.
    User {
        /// Its name.
        name: String,
    },
    /// Somebody whom a user speaks for.
    FederatedUser {
        /// The name that the user gave.
        name: String,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's name, without its path.
        role_name: String,
        /// The session's name.
        session_name: String,
    },
}

impl Principal {
    /// The root of an account.
    pub fn root(account_id: &str) -> Self {
        Self {
            account_id: account_id.to_owned(),
            arn: format!("arn:aws:iam::{account_id}:root"),
            user_id: account_id.to_owned(),
            kind: PrincipalKind::Root,
        }
    }
}

/// What an access key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Never shown, never logged.
    pub secret_access_key: String,
    /// Whose it is.
    pub principal: Principal,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Why an access key opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// Nobody has this access key.
    #[error("unknown access key")]
    UnknownAccessKey,
    /// It was switched off.
    #[error("inactive access key")]
    InactiveAccessKey,
    /// The session token is not one of ours, or not of this key; or a temporary key came without one.
    #[error("invalid session token")]
    InvalidToken,
    /// The session is over.
    #[error("expired session token")]
    ExpiredToken,
}

/// Looks up access keys. Answers from memory.
pub trait Credentials: Send + Sync {
    /// The secret and the owner of an access key at `now_seconds` (Unix time).
    ///
    /// # Errors
    /// See [`CredentialError`].
    fn resolve(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now_seconds: i64,
    ) -> Result<Credential, CredentialError>;
}

/// Credentials that end by themselves, as an environment gets them (M-03).
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryCredentials {
    /// `ASIA...`.
    pub access_key_id: String,
    /// Never shown, never logged.
    pub secret_access_key: String,
    /// Carries the session.
    pub session_token: String,
}

impl std::fmt::Debug for TemporaryCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TemporaryCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Gives a function's environments the credentials of their execution role (M-02).
pub trait RoleCredentials: Send + Sync {
    /// Credentials of the role for a session of this name, for as long as an environment may live.
    fn for_function(&self, role_arn: &str, session_name: &str) -> TemporaryCredentials;
}

/// Knows which roles functions may have.
pub trait ExecutionRoles: Send + Sync {
    /// Whether a function of an account may have the role. One that is known must trust Lambda; where credentials are verified,
    /// it must be known, and be of the same account.
    fn may_be_passed_to_lambda(&self, role_arn: &str, account_id: &str) -> bool;
}
