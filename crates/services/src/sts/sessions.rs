//! Temporary credentials that nobody has to keep: everything about a session is in its token, under a signature of this server.
//!
//! The token is `base64(signature, claims)`, the secret access key is derived from the access key id, both with a key that the data
//! directory keeps. Nothing is written when a session begins, so that every environment can have its own.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use lambda_model::credentials::{
    Credential, CredentialError, Principal, PrincipalKind, TemporaryCredentials,
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use store::{Document, DocumentKey, Store, StoreError};

use crate::random;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;
/// Characters of a secret access key.
const SECRET_CHARACTERS: usize = 40;

/// Issues sessions and knows its own again.
pub struct Sessions {
    key: Vec<u8>,
}

/// A session that has just begun.
pub struct Session {
    /// What its owner signs with.
    pub credentials: TemporaryCredentials,
    /// Unix time, seconds.
    pub expires_seconds: i64,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    access_key_id: String,
    account_id: String,
    arn: String,
    user_id: String,
    kind: Kind,
    expires_seconds: i64,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    Root,
    User(String),
    FederatedUser(String),
    AssumedRole(String, String),
}

/// What signs tokens, as the store keeps it.
#[derive(Serialize, Deserialize)]
struct SigningKey {
    base64: String,
}

impl Document for SigningKey {
    const KIND: &'static str = "sts/signing-key";
}

impl Sessions {
    /// With the key of the store, which is made at the first start.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let place = DocumentKey { name: "key".into(), ..DocumentKey::default() };
        if let Some(key) = store.document::<SigningKey>(&place).await?
            && let Ok(key) = BASE64_STANDARD.decode(key.base64)
        {
            return Ok(Self { key });
        }
        let sessions = Self { key: random::signing_key() };
        sessions.keep(store).await?;
        Ok(sessions)
    }

    /// Stores the key: at its making, and again when the store was emptied under a server that goes on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep(&self, store: &Store) -> Result<(), StoreError> {
        let place = DocumentKey { name: "key".into(), ..DocumentKey::default() };
        let key = SigningKey { base64: BASE64_STANDARD.encode(&self.key) };
        store.transact(move |tx| tx.put_document(&place, &key)).await
    }

    /// Begins a session of `principal`.
    pub fn issue(&self, principal: &Principal, expires_seconds: i64) -> Session {
        let access_key_id = random::access_key_id("ASIA", &principal.account_id);
        let claims = Claims {
            access_key_id: access_key_id.clone(),
            account_id: principal.account_id.clone(),
            arn: principal.arn.clone(),
            user_id: principal.user_id.clone(),
            kind: Kind::from(&principal.kind),
            expires_seconds,
        };
        // Claims are texts and numbers, which always encode.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let token = [&self.sign(b"token", &claims)[..], &claims].concat();
        let credentials = TemporaryCredentials {
            secret_access_key: self.secret(&access_key_id),
            access_key_id,
            session_token: BASE64_STANDARD.encode(token),
        };
        Session { credentials, expires_seconds }
    }

    /// The secret and the owner of a session.
    ///
    /// # Errors
    /// For a token that this server did not give out with this access key, or whose time is over.
    pub fn resolve(
        &self,
        access_key_id: &str,
        token: &str,
        now_seconds: i64,
    ) -> Result<Credential, CredentialError> {
        let token = BASE64_STANDARD.decode(token).map_err(|_| CredentialError::InvalidToken)?;
        let (signature, claims) =
            token.split_at_checked(SIGNATURE_BYTES).ok_or(CredentialError::InvalidToken)?;
        let is_ours = self.mac(b"token", claims).is_some_and(|mac| mac.verify_slice(signature).is_ok());
        if !is_ours {
            return Err(CredentialError::InvalidToken);
        }
        let claims: Claims = serde_json::from_slice(claims).map_err(|_| CredentialError::InvalidToken)?;
        if claims.access_key_id != access_key_id {
            return Err(CredentialError::InvalidToken);
        }
        if claims.expires_seconds <= now_seconds {
            return Err(CredentialError::ExpiredToken);
        }
        Ok(Credential {
            secret_access_key: self.secret(access_key_id),
            principal: Principal {
                account_id: claims.account_id,
                arn: claims.arn,
                user_id: claims.user_id,
                kind: claims.kind.into(),
            },
        })
    }

    fn secret(&self, access_key_id: &str) -> String {
        let mut secret = BASE64_STANDARD.encode(self.sign(b"secret", access_key_id.as_bytes()));
        secret.truncate(SECRET_CHARACTERS);
        secret
    }

    fn sign(&self, purpose: &[u8], message: &[u8]) -> Vec<u8> {
        self.mac(purpose, message).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// The two purposes never share a message: their names have different lengths.
    fn mac(&self, purpose: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        Some(mac.chain_update(purpose).chain_update([0]).chain_update(message))
    }
}

impl From<&PrincipalKind> for Kind {
    fn from(kind: &PrincipalKind) -> Self {
        match kind.clone() {
            PrincipalKind::Root => Self::Root,
            PrincipalKind::User { name } => Self::User(name),
            PrincipalKind::FederatedUser { name } => Self::FederatedUser(name),
            PrincipalKind::AssumedRole { role_name, session_name } => {
                Self::AssumedRole(role_name, session_name)
            }
        }
    }
}

impl From<Kind> for PrincipalKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Root => Self::Root,
            Kind::User(name) => Self::User { name },
            Kind::FederatedUser(name) => Self::FederatedUser { name },
            Kind::AssumedRole(role_name, session_name) => Self::AssumedRole { role_name, session_name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Principal {
        Principal {
            account_id: "123456789012".into(),
            arn: "arn:aws:sts::123456789012:assumed-role/r/s".into(),
            user_id: "AROAX:s".into(),
            kind: PrincipalKind::AssumedRole { role_name: "r".into(), session_name: "s".into() },
        }
    }

    #[test]
    fn a_session_is_known_again_until_it_ends() {
        let sessions = Sessions { key: random::signing_key() };
        let session = sessions.issue(&principal(), 1_000);
        let TemporaryCredentials { access_key_id, secret_access_key, session_token } = session.credentials;
        let known = sessions.resolve(&access_key_id, &session_token, 999).unwrap();
        assert_eq!((known.principal, &known.secret_access_key), (principal(), &secret_access_key));
        assert_eq!(secret_access_key.len(), SECRET_CHARACTERS);
        assert_eq!(
            sessions.resolve(&access_key_id, &session_token, 1_000),
            Err(CredentialError::ExpiredToken)
        );
    }

    #[test]
    fn a_token_of_others_or_for_another_key_is_none() {
        let sessions = Sessions { key: random::signing_key() };
        let mine = sessions.issue(&principal(), 1_000).credentials;
        let other = Sessions { key: random::signing_key() }.issue(&principal(), 1_000).credentials;
        let second = sessions.issue(&principal(), 1_000).credentials;
        for (id, token) in [
            (&mine.access_key_id, &other.session_token),
            (&second.access_key_id, &mine.session_token),
            (&mine.access_key_id, &String::new()),
            (&mine.access_key_id, &"%%%".to_owned()),
        ] {
            assert_eq!(sessions.resolve(id, token, 0), Err(CredentialError::InvalidToken));
        }
        let mut bytes = BASE64_STANDARD.decode(&mine.session_token).unwrap();
        for position in 0..bytes.len() {
            bytes[position] ^= 1;
            let changed = BASE64_STANDARD.encode(&bytes);
            assert!(sessions.resolve(&mine.access_key_id, &changed, 0).is_err(), "{position}");
            bytes[position] ^= 1;
        }
    }
}
