//! Staging labels move between versions, and versions are listed.

use aws_api::generated::secretsmanager::types;

use super::{
    Handled, SecretsManager,
    error::{invalid_parameter, not_found},
    listing::page_of,
    record::{CURRENT, SecretRecord},
    secrets::seconds,
};
use crate::service::ServiceContext;

/// Versions of a page, where the request says nothing.
const PAGE_DEFAULT: i64 = 100;

impl SecretsManager {
    pub(super) async fn update_secret_version_stage(
        &self,
        context: &ServiceContext,
        input: types::UpdateSecretVersionStageRequest,
    ) -> Handled<types::UpdateSecretVersionStageResponse> {
        let stage = input.version_stage.unwrap_or_default();
        let (from, to, now_ms) = (input.remove_from_version_id, input.move_to_version_id, context.now_ms);
        self.change(context, input.secret_id, move |key, secret| {
            check_move(secret, &stage, from.as_deref(), to.as_deref())?;
            match to {
                Some(to) => secret.label(&to, &stage),
                None => secret.unlabel(&stage),
            }
            secret.changed_ms = now_ms;
            Ok(types::UpdateSecretVersionStageResponse {
                arn: Some(secret.arn.clone()),
                name: Some(key.name.clone()),
            })
        })
        .await
    }

    pub(super) async fn list_secret_version_ids(
        &self,
        context: &ServiceContext,
        input: types::ListSecretVersionIdsRequest,
    ) -> Handled<types::ListSecretVersionIdsResponse> {
        let (key, secret) = self.existing(context, input.secret_id).await?;
        let has_all = input.include_deprecated == Some(true);
        let wanted = secret.versions.into_iter().filter(|version| has_all || !version.stages.is_empty());
        let named = wanted.map(|version| {
            let entry = types::SecretVersionsListEntry {
                version_id: Some(version.id.clone()),
                version_stages: Some(version.stages.into_iter().collect()),
                created_date: Some(seconds(version.created_ms)),
                ..types::SecretVersionsListEntry::default()
            };
            (version.id, entry)
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        let limit = input.max_results.unwrap_or(PAGE_DEFAULT);
        let (versions, next_token) = page_of(named, limit, input.next_token.as_deref())?;
        Ok(types::ListSecretVersionIdsResponse {
            versions: Some(versions),
            next_token,
            arn: Some(secret.arn),
            name: Some(key.name),
        })
    }
}

/// The request must know where the label is now.
fn check_move(secret: &SecretRecord, stage: &str, from: Option<&str>, to: Option<&str>) -> Handled<()> {
    for id in [from, to].into_iter().flatten() {
        if secret.version(id).is_none() {
            return Err(not_found(format!(
                "Secrets Manager can't find the specified secret value for VersionId: {id}"
            )));
        }
    }
    let holder = secret.version_at(stage).map(|version| version.id.as_str());
    match (holder, from) {
        _ if stage == CURRENT && to.is_none() => Err(invalid_parameter(format!(
            "You can only move staging label {CURRENT} to a different secret version. It can't be completely removed."
        ))),
        (None, None) => Ok(()),
        (Some(holder), None) if to == Some(holder) => Ok(()),
        (Some(holder), None) => Err(invalid_parameter(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        ))),
        (holder, Some(from)) if holder == Some(from) => Ok(()),
        (_, Some(from)) => {
            Err(invalid_parameter(format!("The staging label {stage} is not attached to version {from}.")))
        }
    }
}
