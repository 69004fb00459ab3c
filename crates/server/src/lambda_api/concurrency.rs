//! `PutFunctionConcurrency`, `GetFunctionConcurrency`, `DeleteFunctionConcurrency`: what a function has reserved (C-01, C-04).

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    concurrency::{AccountConcurrency, ProvisionedConcurrency, reserved},
    function::{FunctionKey, FunctionRecord, LATEST},
};
use store::{DocumentRange, Transaction};

use super::{LambdaApi, RequestContext, aliases, target::Target};

impl LambdaApi {
    /// Reserves concurrency: a cap for the function and a guarantee to it.
    pub(super) async fn put_function_concurrency(
        &self,
        input: api::PutFunctionConcurrencyRequest,
        context: &RequestContext,
    ) -> Result<api::Concurrency, LambdaError> {
        let key = whole(input.function_name.as_deref(), context)?;
        let requested = u32::try_from(input.reserved_concurrent_executions.unwrap_or(0)).unwrap_or(u32::MAX);
        let total = self.account_concurrency_max;
        self.store
            .transact(move |transaction| {
                let mut record = latest(transaction, &key)?;
                let account = account(transaction, &key, total)?;
                reserved::check(requested, provisioned(transaction, &key)?, account)?;
                record.reserved_concurrency = Some(requested);
                Ok::<_, LambdaError>(transaction.put_function(&record)?)
            })
            .await?;
        Ok(api::Concurrency { reserved_concurrent_executions: Some(i64::from(requested)) })
    }

    /// What is reserved; nothing where nothing is.
    pub(super) async fn get_function_concurrency(
        &self,
        input: api::GetFunctionConcurrencyRequest,
        context: &RequestContext,
    ) -> Result<api::GetFunctionConcurrencyResponse, LambdaError> {
        let key = whole(input.function_name.as_deref(), context)?;
        let reserved = self.whole_function(&key).await?.reserved_concurrency;
        Ok(api::GetFunctionConcurrencyResponse { reserved_concurrent_executions: reserved.map(i64::from) })
    }

    /// Gives a reservation back.
    pub(super) async fn delete_function_concurrency(
        &self,
        input: api::DeleteFunctionConcurrencyRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let key = whole(input.function_name.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                let mut record = latest(transaction, &key)?;
                record.reserved_concurrency = None;
                Ok(transaction.put_function(&record)?)
            })
            .await
    }
}

/// A reservation is the whole function's (recorded).
fn whole(name: Option<&str>, context: &RequestContext) -> Result<FunctionKey, LambdaError> {
    let target = Target::of(name, None, context)?;
    if target.qualifier.is_some() {
        return Err(LambdaError::InvalidParameterValue(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN."
                .into(),
        ));
    }
    Ok(target.key)
}

/// The `$LATEST` of a function that must be there.
///
/// # Errors
/// 404 with its plain ARN.
pub(super) fn latest(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
) -> Result<FunctionRecord, LambdaError> {
    transaction.function(key, LATEST)?.ok_or_else(|| LambdaError::function_not_found(&key.arn()))
}

/// Provisioned concurrency of all of a function's versions and aliases.
fn provisioned(transaction: &Transaction<'_>, key: &FunctionKey) -> Result<u32, LambdaError> {
    let found = transaction.documents::<ProvisionedConcurrency>(&aliases::of_function(key))?;
    Ok(found.iter().map(|(_, provisioned)| provisioned.requested).sum())
}

/// What the account's other functions have taken.
///
/// # Errors
/// When the store fails.
pub(super) fn account(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
    total: u32,
) -> Result<AccountConcurrency, LambdaError> {
    let others: Vec<FunctionRecord> = transaction
        .functions(&key.account_id, &key.region)?
        .into_iter()
        .filter(|record| record.key != *key)
        .collect();
    let reserved: u32 = others.iter().filter_map(|record| record.reserved_concurrency).sum();
    let range = DocumentRange { parent: None, ..aliases::of_function(key) };
    let provisioned: u32 = transaction
        .documents::<ProvisionedConcurrency>(&range)?
        .into_iter()
        .filter(|(document, _)| {
            let owner = others.iter().find(|record| record.key.name == document.parent);
            owner.is_some_and(|record| record.reserved_concurrency.is_none())
        })
        .map(|(_, provisioned)| provisioned.requested)
        .sum();
    Ok(AccountConcurrency { total, taken_by_others: reserved.saturating_add(provisioned) })
}
