//! `GetFunction` and `GetFunctionConfiguration`.

use crate::clock;
use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionRecord, LATEST},
};

use super::super::{LambdaApi, RequestContext, target::Target};
use crate::{admin::code_path, signed_path};

impl LambdaApi {
    /// Configuration, tags, and where to download the code for the next ten minutes.
    pub(in crate::lambda_api) async fn get_function(
        &self,
        input: api::GetFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::GetFunctionResponse, LambdaError> {
        let (record, target) =
            self.record(input.function_name.as_deref(), input.qualifier.as_deref(), context).await?;
        // Tags and reserved concurrency are the whole function's, and kept with `$LATEST`.
        let whole = self.store.function(&record.key, LATEST).await?;
        let (tags, reserved) =
            whole.map(|whole| (whole.tags, whole.reserved_concurrency)).unwrap_or_default();
        Ok(api::GetFunctionResponse {
            configuration: Some(self.render(&record, target.qualifier.as_deref())),
            code: Some(self.location(&record, context)),
            concurrency: reserved.map(|reserved| api::Concurrency {
                reserved_concurrent_executions: Some(i64::from(reserved)),
            }),
            tags: (!tags.is_empty()).then(|| tags.into_iter().collect()),
            ..Default::default()
        })
    }

    fn location(&self, record: &FunctionRecord, context: &RequestContext) -> api::FunctionCodeLocation {
        if let Some(image) = &record.configuration.image {
            return api::FunctionCodeLocation {
                repository_type: Some("ECR".into()),
                image_uri: Some(image.uri.clone()),
                resolved_image_uri: Some(image.uri.clone()),
                ..Default::default()
            };
        }
        let path = code_path(&record.code.sha256_hex);
        let expires = clock::unix_ms() / 1000 + signed_path::VALID_SECONDS;
        let location = format!("{}{path}?{}", context.base_url, self.signer.query(&path, expires));
        api::FunctionCodeLocation {
            repository_type: Some("S3".into()),
            location: Some(location),
            ..Default::default()
        }
    }

    /// The configuration alone.
    pub(in crate::lambda_api) async fn get_function_configuration(
        &self,
        input: api::GetFunctionConfigurationRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let (record, target) =
            self.record(input.function_name.as_deref(), input.qualifier.as_deref(), context).await?;
        Ok(self.render(&record, target.qualifier.as_deref()))
    }

    async fn record(
        &self,
        name: Option<&str>,
        qualifier: Option<&str>,
        context: &RequestContext,
    ) -> Result<(FunctionRecord, Target), LambdaError> {
        let target = Target::of(name, qualifier, context)?;
        Ok((self.locate(&target).await?, target))
    }
}
