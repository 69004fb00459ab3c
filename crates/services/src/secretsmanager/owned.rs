//! Secrets that another service of this server keeps for its users: `events!connection/…`, say.

use store::{DocumentKey, Store, StoreError, Transaction};

use super::{
    record::{CURRENT, SecretId, SecretRecord, Version, new_arn},
    secrets::version_id,
};

/// The tag that says whose a secret is.
const OWNER: &str = "aws:secretsmanager:owningService";

/// Keeps the text of a service's secret, as a new version where it is there already; its ARN.
///
/// # Errors
/// When the store refuses.
pub(crate) fn put(
    transaction: &mut Transaction<'_>,
    key: &DocumentKey,
    (owner, text): (&str, String),
    now_ms: i64,
) -> Result<String, StoreError> {
    let version = Version {
        id: version_id(None),
        stages: Default::default(),
        created_ms: now_ms,
        text: Some(text),
        binary: None,
    };
    let before = transaction.document::<SecretRecord>(key)?;
    let mut secret = before.unwrap_or_else(|| SecretRecord {
        arn: new_arn(key),
        description: None,
        kms_key_id: None,
        tags: [(OWNER.to_owned(), owner.to_owned())].into(),
        policy: None,
        versions: Vec::new(),
        created_ms: now_ms,
        changed_ms: now_ms,
        accessed_ms: None,
        deletion_ms: None,
    });
    let id = version.id.clone();
    secret.versions.push(version);
    secret.label(&id, CURRENT);
    secret.forget_versions();
    secret.changed_ms = now_ms;
    transaction.put_document(key, &secret)?;
    Ok(secret.arn)
}

/// The text of a secret as it is now.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn text(transaction: &Transaction<'_>, arn: &str) -> Result<Option<String>, StoreError> {
    for key in keys(arn) {
        if let Some(secret) = transaction.document::<SecretRecord>(&key)?.filter(|secret| secret.arn == arn) {
            return Ok(current(&secret));
        }
    }
    Ok(None)
}

/// The same, of what is committed.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn read(store: &Store, arn: &str) -> Result<Option<String>, StoreError> {
    for key in keys(arn) {
        let found = store.document::<SecretRecord>(&key).await?;
        if let Some(secret) = found.filter(|secret| secret.arn == arn) {
            return Ok(current(&secret));
        }
    }
    Ok(None)
}

/// Deletes a secret at once.
///
/// # Errors
/// When the store refuses.
pub(crate) fn delete(transaction: &mut Transaction<'_>, arn: &str) -> Result<(), StoreError> {
    for key in keys(arn) {
        if transaction.document::<SecretRecord>(&key)?.is_some_and(|secret| secret.arn == arn) {
            transaction.delete_document::<SecretRecord>(&key)?;
        }
    }
    Ok(())
}

/// Whose a secret is, if a service's.
pub(super) fn owner(secret: &SecretRecord) -> Option<String> {
    owner_of(secret).map(str::to_owned)
}

/// The same, as it stands.
pub(super) fn owner_of(secret: &SecretRecord) -> Option<&str> {
    secret.tags.get(OWNER).map(String::as_str)
}

fn keys(arn: &str) -> Vec<DocumentKey> {
    SecretId::of_arn(arn).map_or_else(Vec::new, |id| id.keys())
}

fn current(secret: &SecretRecord) -> Option<String> {
    secret.version_at(CURRENT)?.text.clone()
}
