//! `GetFunction` and `GetFunctionConfiguration`.

use crate::clock;
use aws_api::generated::lambda::types as api;
use lambda_model::{LambdaError, function::FunctionRecord};

use super::super::{
    LambdaApi, RequestContext,
    render::{self, ArnForm},
    target::Target,
};
use crate::{admin::code_path, signed_path};

impl LambdaApi {
    /// Configuration, tags, and where to download the code for the next ten minutes.
    pub(in crate::lambda_api) async fn get_function(
        &self,
        input: api::GetFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::GetFunctionResponse, LambdaError> {
        let (record, form) =
            self.record(input.function_name.as_deref(), input.qualifier.as_deref(), context).await?;
        let path = code_path(&record.code.sha256_hex);
        let expires = clock::unix_ms() / 1000 + signed_path::VALID_SECONDS;
        let location = format!("{}{path}?{}", context.base_url, self.signer.query(&path, expires));
        Ok(api::GetFunctionResponse {
            configuration: Some(render::configuration(&record, form)),
            code: Some(api::FunctionCodeLocation {
                repository_type: Some("S3".into()),
                location: Some(location),
                ..Default::default()
            }),
            tags: (!record.tags.is_empty()).then(|| record.tags.into_iter().collect()),
            ..Default::default()
        })
    }

    /// The configuration alone.
    pub(in crate::lambda_api) async fn get_function_configuration(
        &self,
        input: api::GetFunctionConfigurationRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let (record, form) =
            self.record(input.function_name.as_deref(), input.qualifier.as_deref(), context).await?;
        Ok(render::configuration(&record, form))
    }

    async fn record(
        &self,
        name: Option<&str>,
        qualifier: Option<&str>,
        context: &RequestContext,
    ) -> Result<(FunctionRecord, ArnForm), LambdaError> {
        let target = Target::resolve(name.unwrap_or_default(), qualifier, &context.caller)?;
        let key = target.require_latest()?;
        let record = self.store.function(key, lambda_model::function::LATEST).await?;
        let record = record.ok_or_else(|| target.not_found())?;
        let form = if target.qualifier.is_some() { ArnForm::Qualified } else { ArnForm::Plain };
        Ok((record, form))
    }
}
