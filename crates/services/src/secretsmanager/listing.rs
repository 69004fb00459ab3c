//! Secrets are listed.

use aws_api::generated::secretsmanager::types;
use store::{DocumentKey, DocumentRange};

use super::{
    Handled, SecretsManager,
    error::{invalid_parameter, validation},
    owned,
    record::SecretRecord,
    secrets::{seconds, stages},
    tags,
};
use crate::{change::of_store, paging, service::ServiceContext};

/// Secrets of a page, where the request says nothing.
const PAGE_DEFAULT: i64 = 100;

impl SecretsManager {
    pub(super) async fn list_secrets(
        &self,
        context: &ServiceContext,
        input: types::ListSecretsRequest,
    ) -> Handled<types::ListSecretsResponse> {
        let filters = input.filters.unwrap_or_default();
        let has_deleted = input.include_planned_deletion == Some(true);
        let mut wanted = Vec::new();
        for (key, secret) in self.of_account(context).await? {
            if (has_deleted || secret.deletion_ms.is_none()) && is_wanted(&filters, &key.name, &secret)? {
                wanted.push((key, secret));
            }
        }
        let by = input.sort_by.as_deref().unwrap_or("created-date");
        wanted.sort_by(|(one_key, one), (other_key, other)| {
            let order = match by {
                "name" => std::cmp::Ordering::Equal,
                "last-changed-date" => one.changed_ms.cmp(&other.changed_ms),
                "last-accessed-date" => one.accessed_ms.cmp(&other.accessed_ms),
                _ => one.created_ms.cmp(&other.created_ms),
            };
            order.then_with(|| one_key.name.cmp(&other_key.name))
        });
        if input.sort_order.as_deref() == Some("desc") {
            wanted.reverse();
        }
        // A page goes on behind a place in this order: names would not do.
        let placed = wanted
            .into_iter()
            .enumerate()
            .map(|(place, (key, secret))| (format!("{place:08}"), shown(key, secret)));
        let limit = input.max_results.unwrap_or(PAGE_DEFAULT);
        let (secrets, next_token) = page_of(placed.collect(), limit, input.next_token.as_deref())?;
        Ok(types::ListSecretsResponse { secret_list: Some(secrets), next_token })
    }

    /// The secrets of an account in a Region.
    pub(super) async fn of_account(
        &self,
        context: &ServiceContext,
    ) -> Handled<Vec<(DocumentKey, SecretRecord)>> {
        let range = DocumentRange {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            ..DocumentRange::default()
        };
        let all = self.store.documents::<SecretRecord>(range).await.map_err(of_store)?;
        Ok(all.into_iter().filter(|(_, secret)| !secret.is_gone(context.now_ms)).collect())
    }
}

/// A page, whose token somebody else's may be.
pub(super) fn page_of<T>(
    named: Vec<(String, T)>,
    limit: i64,
    token: Option<&str>,
) -> Handled<(Vec<T>, Option<String>)> {
    let told = "The NextToken value is invalid.";
    paging::page(named, limit, token).map_err(|_| {
        aws_api::error_response::ApiError::user("InvalidNextTokenException", 400, told).capital_message()
    })
}

fn shown(key: DocumentKey, secret: SecretRecord) -> types::SecretListEntry {
    types::SecretListEntry {
        secret_versions_to_stages: Some(stages(&secret)),
        tags: Some(tags::shown(&secret.tags)),
        owning_service: owned::owner(&secret),
        arn: Some(secret.arn),
        name: Some(key.name),
        description: secret.description,
        kms_key_id: secret.kms_key_id,
        created_date: Some(seconds(secret.created_ms)),
        last_changed_date: Some(seconds(secret.changed_ms)),
        last_accessed_date: secret.accessed_ms.map(seconds),
        deleted_date: secret.deletion_ms.map(seconds),
        ..types::SecretListEntry::default()
    }
}

/// Whether all filters let a secret through.
pub(super) fn is_wanted(filters: &[types::Filter], name: &str, secret: &SecretRecord) -> Handled<bool> {
    for filter in filters {
        let key = filter.key.as_deref().ok_or_else(|| invalid_parameter("Invalid filter key"))?;
        let values = filter.values.as_deref().unwrap_or_default();
        if values.is_empty() {
            return Err(invalid_parameter(format!("Invalid filter values for key: {key}")));
        }
        let fields = fields_of(key, name, secret)?;
        let has = |value: &str| fields.iter().any(|field| matches(key, field, value));
        let is_let_through = |value: &String| match value.strip_prefix('!') {
            Some(value) => !has(value),
            None => has(value),
        };
        if !values.iter().any(is_let_through) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a filter looks at.
fn fields_of<'a>(key: &str, name: &'a str, secret: &'a SecretRecord) -> Handled<Vec<&'a str>> {
    let description = secret.description.as_deref().into_iter();
    let (keys, values) = (secret.tags.keys().map(String::as_str), secret.tags.values().map(String::as_str));
    Ok(match key {
        "name" => vec![name],
        "description" => description.collect(),
        "tag-key" => keys.collect(),
        "tag-value" => values.collect(),
        "all" => [name].into_iter().chain(description).chain(keys).chain(values).collect(),
        "owning-service" => owned::owner_of(secret).into_iter().collect(),
        // None is a copy.
        "primary-region" => Vec::new(),
        _ => return Err(validation(format!("Invalid filter key: {key}"))),
    })
}

/// Names and tags begin with what is asked for; of the others a word does, in any case (ListSecrets).
fn matches(key: &str, field: &str, value: &str) -> bool {
    match key {
        "description" | "all" => {
            let (field, value) = (field.to_lowercase(), value.to_lowercase());
            let begins = |value: &str| {
                field.starts_with(value)
                    || field
                        .split(|letter: char| !letter.is_alphanumeric())
                        .any(|word| word.starts_with(value))
            };
            value.split_whitespace().all(begins)
        }
        _ => field.starts_with(value),
    }
}
