//! `PutProvisionedConcurrencyConfig` and the others: environments that are there before anyone asks (C-05 to C-08).

use aws_api::{generated::lambda::types as api, timestamp};
use lambda_model::{
    LambdaError,
    concurrency::{ProvisionedConcurrency, ProvisionedStatus, Provisions},
    function::{Alias, FunctionKey, LATEST, alias},
};
use store::{DocumentKey, Transaction};

use super::{
    LambdaApi, RequestContext, aliases, concurrency, located::is_version, paging::Page, target::Target,
};
use crate::clock;

impl LambdaApi {
    /// Asks for environments of a version or an alias; they are initialised from now on.
    pub(super) async fn put_provisioned_concurrency_config(
        &self,
        input: api::PutProvisionedConcurrencyConfigRequest,
        context: &RequestContext,
    ) -> Result<api::PutProvisionedConcurrencyConfigResponse, LambdaError> {
        let (key, qualifier) =
            qualified(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let requested =
            u32::try_from(input.provisioned_concurrent_executions.unwrap_or(1)).unwrap_or(u32::MAX);
        let total = self.account_concurrency_max;
        let provisioned = self
            .store
            .transact(move |transaction| {
                let record = concurrency::latest(transaction, &key)?;
                let there = provisions(transaction, &key)?;
                check_there(transaction, &key, &qualifier)?;
                there.check_qualifier(&qualifier)?;
                let account = concurrency::account(transaction, &key, total)?;
                there.check_number(&qualifier, requested, record.reserved_concurrency, account)?;
                let provisioned = ProvisionedConcurrency { requested, last_modified_ms: clock::unix_ms() };
                transaction.put_document(&DocumentKey::of_function(&key, &qualifier), &provisioned)?;
                Ok::<_, LambdaError>(provisioned)
            })
            .await?;
        // Recorded: in progress, whatever there is already.
        Ok(api::PutProvisionedConcurrencyConfigResponse {
            requested_provisioned_concurrent_executions: Some(i64::from(requested)),
            allocated_provisioned_concurrent_executions: Some(0),
            available_provisioned_concurrent_executions: Some(0),
            status: Some(ProvisionedStatus::InProgress.as_str().into()),
            status_reason: None,
            last_modified: Some(timestamp::last_modified(provisioned.last_modified_ms)),
        })
    }

    /// How far the environments have come.
    pub(super) async fn get_provisioned_concurrency_config(
        &self,
        input: api::GetProvisionedConcurrencyConfigRequest,
        context: &RequestContext,
    ) -> Result<api::GetProvisionedConcurrencyConfigResponse, LambdaError> {
        let (key, qualifier) =
            qualified(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let of = (key.clone(), qualifier.clone());
        let (there, provisioned) = self
            .store
            .transact(move |transaction| {
                concurrency::latest(transaction, &of.0)?;
                check_there(transaction, &of.0, &of.1)?;
                let found = transaction
                    .document::<ProvisionedConcurrency>(&DocumentKey::of_function(&of.0, &of.1))?;
                let found = found.ok_or(LambdaError::ProvisionedConcurrencyConfigNotFound)?;
                Ok::<_, LambdaError>((provisions(transaction, &of.0)?, found))
            })
            .await?;
        let item = self.provisioned_item(&key, &qualifier, &there, &provisioned);
        Ok(api::GetProvisionedConcurrencyConfigResponse {
            requested_provisioned_concurrent_executions: item.requested_provisioned_concurrent_executions,
            available_provisioned_concurrent_executions: item.available_provisioned_concurrent_executions,
            allocated_provisioned_concurrent_executions: item.allocated_provisioned_concurrent_executions,
            status: item.status,
            status_reason: item.status_reason,
            last_modified: item.last_modified,
        })
    }

    /// Everything that is provisioned of a function.
    pub(super) async fn list_provisioned_concurrency_configs(
        &self,
        input: api::ListProvisionedConcurrencyConfigsRequest,
        context: &RequestContext,
    ) -> Result<api::ListProvisionedConcurrencyConfigsResponse, LambdaError> {
        let key = Target::of(input.function_name.as_deref(), None, context)?.key;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let of = key.clone();
        let (there, found) = self
            .store
            .transact(move |transaction| {
                concurrency::latest(transaction, &of)?;
                let found = transaction.documents::<ProvisionedConcurrency>(&aliases::of_function(&of))?;
                Ok::<_, LambdaError>((provisions(transaction, &of)?, found))
            })
            .await?;
        let mut found: Vec<(String, ProvisionedConcurrency)> =
            found.into_iter().map(|(document, provisioned)| (document.name, provisioned)).collect();
        if let Some(after) = &page.after {
            found.retain(|(name, _)| name > after);
        }
        let next_marker = page.cut(&mut found, |(name, _)| name.clone());
        let items = found
            .iter()
            .map(|(name, provisioned)| self.provisioned_item(&key, name, &there, provisioned))
            .collect();
        Ok(api::ListProvisionedConcurrencyConfigsResponse {
            provisioned_concurrency_configs: Some(items),
            next_marker,
        })
    }

    /// Gives the environments back.
    pub(super) async fn delete_provisioned_concurrency_config(
        &self,
        input: api::DeleteProvisionedConcurrencyConfigRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let (key, qualifier) =
            qualified(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                concurrency::latest(transaction, &key)?;
                transaction
                    .delete_document::<ProvisionedConcurrency>(&DocumentKey::of_function(&key, &qualifier))?;
                Ok(())
            })
            .await
    }

    fn provisioned_item(
        &self,
        key: &FunctionKey,
        qualifier: &str,
        there: &Provisions,
        provisioned: &ProvisionedConcurrency,
    ) -> api::ProvisionedConcurrencyConfigListItem {
        let state = self.environments.provisioned(key, there.version_of(qualifier));
        let status = ProvisionedStatus::of(provisioned.requested, state);
        let ready = i64::from(state.ready.min(provisioned.requested));
        api::ProvisionedConcurrencyConfigListItem {
            function_arn: Some(key.qualified_arn(qualifier)),
            requested_provisioned_concurrent_executions: Some(i64::from(provisioned.requested)),
            available_provisioned_concurrent_executions: Some(ready),
            allocated_provisioned_concurrent_executions: Some(ready),
            status: Some(status.as_str().into()),
            status_reason: status.reason().map(str::to_owned),
            last_modified: Some(timestamp::last_modified(provisioned.last_modified_ms)),
        }
    }
}

fn qualified(
    name: Option<&str>,
    qualifier: Option<&str>,
    context: &RequestContext,
) -> Result<(FunctionKey, String), LambdaError> {
    let target = Target::of(name, qualifier, context)?;
    Ok((target.key, target.qualifier.unwrap_or_else(|| LATEST.into())))
}

/// What is provisioned of a function already.
///
/// # Errors
/// When the store fails.
pub(super) fn provisions(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
) -> Result<Provisions, LambdaError> {
    let range = aliases::of_function(key);
    let provisioned = transaction.documents::<ProvisionedConcurrency>(&range)?;
    let aliases = transaction.documents::<Alias>(&range)?;
    Ok(Provisions {
        by_qualifier: provisioned
            .into_iter()
            .map(|(document, provisioned)| (document.name, provisioned.requested))
            .collect(),
        aliases: aliases.into_iter().map(|(_, alias)| alias).collect(),
    })
}

fn check_there(transaction: &Transaction<'_>, key: &FunctionKey, qualifier: &str) -> Result<(), LambdaError> {
    let arn = key.qualified_arn(qualifier);
    if is_version(qualifier) {
        transaction.function(key, qualifier)?.ok_or_else(|| LambdaError::function_not_found(&arn))?;
    } else {
        transaction
            .document::<Alias>(&DocumentKey::of_function(key, qualifier))?
            .ok_or_else(|| alias::not_found(&arn))?;
    }
    Ok(())
}
