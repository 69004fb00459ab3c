//! Values of secrets are put and read.

use aws_api::{error_response::ApiError, generated::secretsmanager::types};
use store::{DocumentKey, Transaction};

use super::{
    Handled, SecretsManager,
    error::{exists, invalid_parameter, invalid_request, not_found},
    listing::{self, is_wanted},
    record::{CURRENT, SecretRecord, Version},
    secrets::{Value, seconds, version_id},
};
use crate::{change::ChangeError, service::ServiceContext};

/// When a secret was read is told by the day (DescribeSecret's `LastAccessedDate`).
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Values of a batch at most, where the request says nothing.
const BATCH_DEFAULT: i64 = 20;

impl SecretsManager {
    pub(super) async fn put_secret_value(
        &self,
        context: &ServiceContext,
        input: types::PutSecretValueRequest,
    ) -> Handled<types::PutSecretValueResponse> {
        let value = Value::given(input.secret_string, input.secret_binary)?;
        let value =
            value.ok_or_else(|| invalid_request("You must provide either SecretString or SecretBinary."))?;
        let now_ms = context.now_ms;
        let version = value.into_version(version_id(input.client_request_token), now_ms);
        let stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
        self.change(context, input.secret_id, move |key, secret| {
            let id = version.id.clone();
            // The first of all is the current one, whatever it is said to be.
            let is_first = secret.version_at(CURRENT).is_none();
            add_version(secret, version, &stages)?;
            if is_first {
                secret.label(&id, CURRENT);
            }
            secret.changed_ms = now_ms;
            let stages = secret.version(&id).map(|version| version.stages.iter().cloned().collect());
            Ok(types::PutSecretValueResponse {
                arn: Some(secret.arn.clone()),
                name: Some(key.name.clone()),
                version_id: Some(id),
                version_stages: stages,
            })
        })
        .await
    }

    pub(super) async fn get_secret_value(
        &self,
        context: &ServiceContext,
        input: types::GetSecretValueRequest,
    ) -> Handled<types::GetSecretValueResponse> {
        let (key, secret) = self.usable(context, input.secret_id).await?;
        let version = chosen(&secret, input.version_id.as_deref(), input.version_stage.as_deref())?.clone();
        self.was_read(&key, &secret, context.now_ms).await?;
        Ok(types::GetSecretValueResponse {
            arn: Some(secret.arn),
            name: Some(key.name),
            version_id: Some(version.id),
            secret_binary: version.binary,
            secret_string: version.text,
            version_stages: Some(version.stages.into_iter().collect()),
            created_date: Some(seconds(version.created_ms)),
        })
    }

    pub(super) async fn batch_get_secret_value(
        &self,
        context: &ServiceContext,
        input: types::BatchGetSecretValueRequest,
    ) -> Handled<types::BatchGetSecretValueResponse> {
        let ids = match (input.secret_id_list, input.filters) {
            (Some(_), None) if input.max_results.is_some() => {
                return Err(invalid_parameter(
                    "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
                ));
            }
            (Some(ids), None) => (ids, None),
            (None, Some(filters)) => {
                let all = self.of_account(context).await?;
                let mut wanted = Vec::new();
                for (key, secret) in &all {
                    if secret.deletion_ms.is_none() && is_wanted(&filters, &key.name, secret)? {
                        wanted.push((key.name.clone(), key.name.clone()));
                    }
                }
                let limit = input.max_results.unwrap_or(BATCH_DEFAULT);
                listing::page_of(wanted, limit, input.next_token.as_deref())?
            }
            _ => {
                return Err(invalid_parameter(
                    "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
                ));
            }
        };
        let (ids, next_token) = ids;
        let (mut secret_values, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            let asked = types::GetSecretValueRequest { secret_id: Some(id.clone()), ..Default::default() };
            match self.get_secret_value(context, asked).await {
                Ok(value) => secret_values.push(entry(value)),
                Err(error) if error.status == 500 => return Err(error),
                Err(error) => errors.push(told(id, error)),
            }
        }
        Ok(types::BatchGetSecretValueResponse {
            secret_values: Some(secret_values),
            next_token,
            errors: Some(errors),
        })
    }

    /// Keeps the day on which it was read.
    async fn was_read(&self, key: &DocumentKey, secret: &SecretRecord, now_ms: i64) -> Handled<()> {
        let today_ms = now_ms - now_ms.rem_euclid(DAY_MS);
        if secret.accessed_ms == Some(today_ms) {
            return Ok(());
        }
        let key = key.clone();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let Some(mut secret) = transaction.document::<SecretRecord>(&key)? else { return Ok(()) };
            secret.accessed_ms = Some(today_ms);
            Ok(transaction.put_document(&key, &secret)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// Puts a version in, with its labels; one that is there already must be the same.
pub(super) fn add_version(secret: &mut SecretRecord, version: Version, stages: &[String]) -> Handled<()> {
    let id = version.id.clone();
    match secret.version(&id) {
        Some(known) if (&known.text, &known.binary) == (&version.text, &version.binary) => return Ok(()),
        Some(_) => {
            return Err(exists(format!(
                "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
                secret.arn
            )));
        }
        None => secret.versions.push(version),
    }
    stages.iter().for_each(|stage| secret.label(&id, stage));
    secret.forget_versions();
    Ok(())
}

fn chosen<'a>(secret: &'a SecretRecord, id: Option<&str>, stage: Option<&str>) -> Handled<&'a Version> {
    let Some(id) = id else {
        let stage = stage.unwrap_or(CURRENT);
        return secret.version_at(stage).ok_or_else(|| {
            not_found(format!(
                "Secrets Manager can't find the specified secret value for staging label: {stage}"
            ))
        });
    };
    let version = secret.version(id).ok_or_else(|| {
        not_found(format!("Secrets Manager can't find the specified secret value for VersionId: {id}"))
    })?;
    match stage.is_none_or(|stage| version.stages.contains(stage)) {
        true => Ok(version),
        false => Err(invalid_request(
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )),
    }
}

fn entry(value: types::GetSecretValueResponse) -> types::SecretValueEntry {
    let types::GetSecretValueResponse {
        arn,
        name,
        version_id,
        secret_binary,
        secret_string,
        version_stages,
        created_date,
    } = value;
    types::SecretValueEntry {
        arn,
        name,
        version_id,
        secret_binary,
        secret_string,
        version_stages,
        created_date,
    }
}

fn told(id: String, error: ApiError) -> types::APIErrorType {
    types::APIErrorType {
        secret_id: Some(id),
        error_code: Some(error.code.to_owned()),
        message: Some(error.message),
    }
}
