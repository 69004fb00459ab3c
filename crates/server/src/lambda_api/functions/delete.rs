//! `DeleteFunction`.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    concurrency::Provisions,
    function::{FunctionKey, version},
};
use store::Transaction;

use super::super::{LambdaApi, RequestContext, located, provisioned_concurrency, target::Target};

impl LambdaApi {
    /// Deletes a function with all its versions, or one version; what runs of it ends first, its code goes when nothing else uses it.
    pub(in crate::lambda_api) async fn delete_function(
        &self,
        input: api::DeleteFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::DeleteFunctionResponse, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let Target { key, qualifier } = target;
        self.store
            .transact(move |transaction| match qualifier {
                Some(version) => delete_version(transaction, &key, &version),
                None if transaction.delete_function(&key)? => Ok(()),
                None => Err(LambdaError::function_not_found(&key.arn())),
            })
            .await?;
        Ok(api::DeleteFunctionResponse { status_code: Some(204) })
    }
}

/// A version that is not there is no error (observed).
fn delete_version(
    transaction: &mut Transaction<'_>,
    key: &FunctionKey,
    version: &str,
) -> Result<(), LambdaError> {
    if !located::is_version(version) {
        return Err(LambdaError::InvalidParameterValue(
            "Deletion of aliases is not currently supported.".into(),
        ));
    }
    if !transaction.function_exists(key)? {
        return Err(LambdaError::function_not_found(&key.arn()));
    }
    let Provisions { by_qualifier, aliases } = provisioned_concurrency::provisions(transaction, key)?;
    version::check_deletable(version, &aliases, |alias| by_qualifier.contains_key(&alias.name))?;
    transaction.delete_version(key, version)?;
    Ok(transaction.delete_documents_of_qualifier(key, version)?)
}
