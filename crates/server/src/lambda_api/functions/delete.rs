//! `DeleteFunction`.

use aws_api::generated::lambda::types as api;
use lambda_model::LambdaError;

use super::super::{LambdaApi, RequestContext, target::Target};

impl LambdaApi {
    /// Deletes a function; what runs of it ends first, its code goes when nothing else uses it.
    pub(in crate::lambda_api) async fn delete_function(
        &self,
        input: api::DeleteFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::DeleteFunctionResponse, LambdaError> {
        let name = input.function_name.as_deref().unwrap_or_default();
        let target = Target::resolve(name, input.qualifier.as_deref(), &context.caller)?;
        if target.qualifier.as_deref() == Some(lambda_model::function::LATEST) {
            return Err(LambdaError::InvalidParameterValue(
                "$LATEST version cannot be deleted without deleting the function.".into(),
            ));
        }
        let key = target.require_latest()?;
        if !self.store.delete_function(key).await? {
            return Err(LambdaError::function_not_found(&key.arn()));
        }
        Ok(api::DeleteFunctionResponse { status_code: Some(204) })
    }
}
