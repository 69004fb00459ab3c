//! `PublishVersion` and `ListVersionsByFunction`.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{
        FunctionKey, FunctionRecord, LATEST, state,
        version::{self, Publication},
    },
};
use store::Transaction;

use super::{
    LambdaApi, RequestContext, functions::check_revision, located::version_in, paging::Page, render,
    target::Target,
};
use crate::clock;

impl LambdaApi {
    /// Keeps `$LATEST` as it is under the next number; unchanged since the last one, that one is the answer (V-01).
    pub(super) async fn publish_version(
        &self,
        input: api::PublishVersionRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let key = target.require_latest()?.clone();
        let version = self
            .store
            .transact(move |transaction| {
                let latest = transaction
                    .function(&key, LATEST)?
                    .ok_or_else(|| LambdaError::function_not_found(&key.arn()))?;
                check_revision(input.revision_id.as_deref(), &latest.revision_id)?;
                version::check_code_sha256(input.code_sha256.as_deref(), &latest)?;
                state::check_updatable(&key.arn(), latest.state, latest.last_update_status)?;
                publish(transaction, latest, input.description)
            })
            .await?;
        Ok(self.render(&version, Some(&version.version)))
    }

    /// `$LATEST` and every published version, in order.
    pub(super) async fn list_versions_by_function(
        &self,
        input: api::ListVersionsByFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::ListVersionsByFunctionResponse, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let records = self.store.versions(&target.key).await?;
        if records.is_empty() {
            return Err(LambdaError::function_not_found(&target.key.arn()));
        }
        let mut records = records;
        if let Some(after) = &page.after {
            // A marker of a version that was deleted meanwhile is found by its number.
            records.retain(|record| number(&record.version) > number(after));
        }
        let next_marker = page.cut(&mut records, |record| record.version.clone());
        let versions = records.iter().map(|record| render::listed(record, Some(&record.version))).collect();
        Ok(api::ListVersionsByFunctionResponse { versions: Some(versions), next_marker })
    }
}

/// `$LATEST` comes before all.
fn number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

/// Publishes what is `$LATEST` in this transaction.
///
/// # Errors
/// When the store fails.
pub(super) fn publish(
    transaction: &mut Transaction<'_>,
    latest: FunctionRecord,
    description: Option<String>,
) -> Result<FunctionRecord, LambdaError> {
    let last = last_version(transaction, &latest.key)?;
    let revision_ids = (aws_api::request_id::new(), aws_api::request_id::new());
    let published = version::publish(latest, last, description, revision_ids, clock::unix_ms());
    match published {
        Publication::Unchanged(last) => Ok(*last),
        Publication::New { version, latest } => {
            transaction.put_function(&latest)?;
            transaction.put_function(&version)?;
            version_in(transaction, &version.key, &version.version)
        }
    }
}

/// The published version of the highest number.
fn last_version(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
) -> Result<Option<FunctionRecord>, LambdaError> {
    let versions = transaction.versions(key)?;
    Ok(versions.into_iter().next_back().filter(|record| record.version != LATEST))
}
