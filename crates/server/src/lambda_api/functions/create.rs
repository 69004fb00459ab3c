//! `CreateFunction`.

use std::collections::BTreeMap;

use crate::clock;
use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionConfiguration, FunctionRecord, settings as rules},
};

use super::{
    super::{
        LambdaApi, RequestContext,
        render::{self, ArnForm},
        target::Target,
    },
    code_source::CodeSource,
    settings::{self, RequestedSettings},
};

impl LambdaApi {
    /// Creates a function: Pending until it is prepared, as on AWS.
    pub(in crate::lambda_api) async fn create_function(
        &self,
        input: api::CreateFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target =
            Target::resolve(input.function_name.as_deref().unwrap_or_default(), None, &context.caller)?;
        let key = target.require_latest()?.clone();
        if self.catalog.contains(&key) {
            return Err(already_exists(&target));
        }
        let tags: BTreeMap<String, String> = input.tags.clone().unwrap_or_default().into_iter().collect();
        rules::check_tags(&tags)?;
        let wants_to_publish = input.publish.unwrap_or(false);
        let (configuration, code) = self.requested(input)?;
        if wants_to_publish {
            return Err(LambdaError::NotImplemented(
                "Publishing versions is not implemented by this server.".into(),
            ));
        }
        let (code, _lease) = self.take_in(code.into_zip()?).await?;
        let mut record =
            FunctionRecord::new(key, configuration, code, aws_api::request_id::new(), clock::unix_ms());
        record.tags = tags;
        if !self.store.create_function(&record).await? {
            return Err(already_exists(&target));
        }
        Ok(render::configuration(&record, ArnForm::Plain))
    }

    fn requested(
        &self,
        input: api::CreateFunctionRequest,
    ) -> Result<(FunctionConfiguration, CodeSource), LambdaError> {
        let unbuilt = unbuilt(&input);
        let code = input.code.unwrap_or_default();
        let source = CodeSource {
            is_image: code.image_uri.is_some() || input.package_type.as_deref() == Some("Image"),
            is_from_s3: code.s3_bucket.is_some() || code.s3_key.is_some(),
            zip_file: code.zip_file,
        };
        if !source.is_image && (input.runtime.is_none() || input.handler.is_none()) {
            return Err(LambdaError::InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.".into(),
            ));
        }
        let architecture = self.architecture(input.architectures.as_deref())?;
        let mut configuration = settings::defaults(&architecture);
        let requested = RequestedSettings {
            unbuilt,
            role: input.role,
            handler: input.handler,
            description: input.description,
            timeout: input.timeout,
            memory_size: input.memory_size,
            runtime: input.runtime,
            environment: input.environment,
            ephemeral_storage: input.ephemeral_storage,
            tracing_config: input.tracing_config,
        };
        requested.apply(&mut configuration)?;
        Ok((configuration, source))
    }

    /// Left out it is the host's (AWS: x86_64); another machine's code would not run here.
    pub(super) fn architecture(&self, requested: Option<&[String]>) -> Result<String, LambdaError> {
        match requested.and_then(|list| list.first()) {
            Some(other) if other != self.host_architecture => {
                Err(LambdaError::InvalidParameterValue(format!(
                    "This server runs {} functions only; the request asks for {other}.",
                    self.host_architecture
                )))
            }
            _ => Ok(self.host_architecture.to_owned()),
        }
    }
}

fn already_exists(target: &Target) -> LambdaError {
    LambdaError::ResourceConflict(format!("Function already exist: {}", target.key.name))
}

/// Settings of the request that would have no effect here. Their neutral values, which many clients send, are let through.
fn unbuilt(input: &api::CreateFunctionRequest) -> Vec<&'static str> {
    let mut unbuilt = settings::UnbuiltSettings::default();
    unbuilt.vpc(input.vpc_config.as_ref());
    unbuilt.dead_letter(input.dead_letter_config.as_ref());
    unbuilt.kms(input.kms_key_arn.as_deref());
    unbuilt.layers(input.layers.as_deref());
    unbuilt.file_systems(input.file_system_configs.as_deref());
    unbuilt.snap_start(input.snap_start.as_ref());
    unbuilt.logging(input.logging_config.as_ref());
    unbuilt.present("ImageConfig", input.image_config.is_some());
    unbuilt.present("CodeSigningConfigArn", input.code_signing_config_arn.is_some());
    unbuilt.present("DurableConfig", input.durable_config.is_some());
    unbuilt.present("TenancyConfig", input.tenancy_config.is_some());
    unbuilt.present("CapacityProviderConfig", input.capacity_provider_config.is_some());
    unbuilt.names()
}
