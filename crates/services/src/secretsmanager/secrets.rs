//! Secrets are made, changed and described.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::{blob::Blob, generated::secretsmanager::types};
use store::{DocumentKey, Transaction};

use super::{
    Handled, SecretsManager,
    error::{exists, invalid_request, unbuilt, validation},
    owned,
    record::{CURRENT, SecretRecord, Version, new_arn},
    tags,
    values::add_version,
};
use crate::{change::ChangeError, service::ServiceContext};

/// What a request gives a secret as its value.
pub(super) struct Value {
    pub text: Option<String>,
    pub binary: Option<Blob>,
}

impl Value {
    /// `None` where nothing is given.
    pub(super) fn given(text: Option<String>, binary: Option<Blob>) -> Handled<Option<Self>> {
        match (&text, &binary) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(invalid_request(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            _ => Ok(Some(Self { text, binary })),
        }
    }

    pub(super) fn into_version(self, id: String, now_ms: i64) -> Version {
        let Self { text, binary } = self;
        Version { id, stages: BTreeSet::new(), created_ms: now_ms, text, binary }
    }
}

/// The id of a new version.
pub(super) fn version_id(token: Option<String>) -> String {
    token.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
}

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

impl SecretsManager {
    pub(super) async fn create_secret(
        &self,
        context: &ServiceContext,
        input: types::CreateSecretRequest,
    ) -> Handled<types::CreateSecretResponse> {
        let name = checked_name(input.name.unwrap_or_default())?;
        if input.add_replica_regions.is_some_and(|regions| !regions.is_empty()) {
            return Err(unbuilt("Replication"));
        }
        let value = Value::given(input.secret_string, input.secret_binary)?;
        let id = version_id(input.client_request_token);
        let version = value.map(|value| value.into_version(id, context.now_ms));
        let key = DocumentKey {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            parent: String::new(),
            name,
        };
        let mut secret = SecretRecord {
            arn: new_arn(&key),
            description: input.description,
            kms_key_id: input.kms_key_id,
            tags: tags::given(input.tags)?,
            policy: None,
            versions: version.clone().into_iter().collect(),
            created_ms: context.now_ms,
            changed_ms: context.now_ms,
            accessed_ms: None,
            deletion_ms: None,
        };
        let version_id = version.as_ref().map(|version| version.id.clone());
        version_id.iter().for_each(|id| secret.label(id, CURRENT));
        let (stored, now_ms) = (key.clone(), context.now_ms);
        let change = move |transaction: &mut Transaction<'_>| -> Result<String, ChangeError> {
            let before = transaction.document::<SecretRecord>(&stored)?;
            match before.filter(|before| !before.is_gone(now_ms)) {
                Some(before) => Ok(same(&before, &stored.name, version.as_ref())?),
                None => {
                    transaction.put_document(&stored, &secret)?;
                    Ok(secret.arn)
                }
            }
        };
        let arn = self.store.transact(change).await?;
        Ok(types::CreateSecretResponse {
            arn: Some(arn),
            name: Some(key.name),
            version_id,
            replication_status: None,
        })
    }

    pub(super) async fn update_secret(
        &self,
        context: &ServiceContext,
        input: types::UpdateSecretRequest,
    ) -> Handled<types::UpdateSecretResponse> {
        let value = Value::given(input.secret_string, input.secret_binary)?;
        let (id, now_ms) = (version_id(input.client_request_token), context.now_ms);
        let version = value.map(|value| value.into_version(id, now_ms));
        let (description, kms_key_id) = (input.description, input.kms_key_id);
        self.change(context, input.secret_id, move |key, secret| {
            let version_id = version.as_ref().map(|version| version.id.clone());
            if let Some(version) = version {
                add_version(secret, version, &[CURRENT.to_owned()])?;
            }
            secret.description = description.or_else(|| secret.description.take());
            secret.kms_key_id = kms_key_id.or_else(|| secret.kms_key_id.take());
            secret.changed_ms = now_ms;
            Ok(types::UpdateSecretResponse {
                arn: Some(secret.arn.clone()),
                name: Some(key.name.clone()),
                version_id,
            })
        })
        .await
    }

    pub(super) async fn describe_secret(
        &self,
        context: &ServiceContext,
        input: types::DescribeSecretRequest,
    ) -> Handled<types::DescribeSecretResponse> {
        let (key, secret) = self.existing(context, input.secret_id).await?;
        Ok(types::DescribeSecretResponse {
            version_ids_to_stages: Some(stages(&secret)).filter(|stages| !stages.is_empty()),
            tags: Some(tags::shown(&secret.tags)).filter(|tags| !tags.is_empty()),
            owning_service: owned::owner(&secret),
            arn: Some(secret.arn),
            name: Some(key.name),
            description: secret.description,
            kms_key_id: secret.kms_key_id,
            created_date: Some(seconds(secret.created_ms)),
            last_changed_date: Some(seconds(secret.changed_ms)),
            last_accessed_date: secret.accessed_ms.map(seconds),
            deleted_date: secret.deletion_ms.map(seconds),
            ..types::DescribeSecretResponse::default()
        })
    }
}

/// The labels of each version that has some.
pub(super) fn stages(secret: &SecretRecord) -> BTreeMap<String, Vec<String>> {
    let labelled = secret.versions.iter().filter(|version| !version.stages.is_empty());
    labelled.map(|version| (version.id.clone(), version.stages.iter().cloned().collect())).collect()
}

/// A request that is repeated has made the secret already.
fn same(before: &SecretRecord, name: &str, version: Option<&Version>) -> Handled<String> {
    if before.deletion_ms.is_some() {
        return Err(invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    let known = version.and_then(|version| before.version(&version.id));
    match (known, version) {
        (Some(known), Some(version)) if (&known.text, &known.binary) == (&version.text, &version.binary) => {
            Ok(before.arn.clone())
        }
        _ => Err(exists(format!("The operation failed because the secret {name} already exists."))),
    }
}

fn checked_name(name: String) -> Handled<String> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-/_+=.@!".contains(letter);
    match name.chars().all(is_allowed) {
        true => Ok(name),
        false => Err(validation(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )),
    }
}
