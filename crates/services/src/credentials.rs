//! Everybody who can sign a request: sessions, users' access keys, and the operator's root key.

use std::sync::Arc;

use lambda_model::credentials::{Credential, CredentialError, Credentials, Principal};

use crate::{iam::Directory, sts::Sessions};

/// An access key of an account's root, which the operator sets.
pub struct RootKey {
    /// What requests name.
    pub access_key_id: String,
    /// What they are signed with.
    pub secret_access_key: String,
    /// Whose it is; twelve digits.
    pub account_id: String,
}

/// All access keys that this server knows.
pub struct KnownCredentials {
    sessions: Arc<Sessions>,
    directory: Arc<Directory>,
    root: Option<RootKey>,
}

impl KnownCredentials {
    /// Of STS, of IAM, and the operator's.
    pub fn new(sessions: Arc<Sessions>, directory: Arc<Directory>, root: Option<RootKey>) -> Self {
        Self { sessions, directory, root }
    }
}

impl Credentials for KnownCredentials {
    fn resolve(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now_seconds: i64,
    ) -> Result<Credential, CredentialError> {
        if let Some(token) = session_token {
            return self.sessions.resolve(access_key_id, token, now_seconds);
        }
        if access_key_id.starts_with("ASIA") {
            return Err(CredentialError::InvalidToken);
        }
        match &self.root {
            Some(root) if root.access_key_id == access_key_id => Ok(Credential {
                secret_access_key: root.secret_access_key.clone(),
                principal: Principal::root(&root.account_id),
            }),
            _ => self.directory.access_key(access_key_id),
        }
    }
}
