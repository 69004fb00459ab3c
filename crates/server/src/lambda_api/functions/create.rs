//! `CreateFunction`.

use std::collections::BTreeMap;

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    credentials::ExecutionRoles,
    function::{
        CodeReference, FunctionConfiguration, FunctionKey, FunctionRecord, configuration::ImageConfiguration,
        settings as rules,
    },
};
use store::CodeLease;

use super::{
    code_source::CodeSource,
    layers,
    settings::{self, requested},
};
use crate::{
    clock,
    lambda_api::{LambdaApi, RequestContext, target::Target, versions},
};

impl LambdaApi {
    /// Creates a function: Pending until it is prepared, as on AWS.
    pub(in crate::lambda_api) async fn create_function(
        &self,
        mut input: api::CreateFunctionRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let key = target.require_latest()?.clone();
        if self.catalog.contains(&key) {
            return Err(already_exists(&key));
        }
        let tags: BTreeMap<String, String> = input.tags.take().unwrap_or_default().into_iter().collect();
        rules::check_tags(&tags)?;
        let publish = input.publish.unwrap_or(false);
        let (record, _lease) = self.new_record(key, input, context).await?;
        let record = FunctionRecord { tags, ..record };
        let shown = self
            .store
            .transact(move |transaction| {
                if transaction.function_exists(&record.key)? {
                    return Err(already_exists(&record.key));
                }
                layers::check_still_there(transaction, &record.configuration.layers)?;
                transaction.put_function(&record)?;
                if publish { versions::publish(transaction, record, None) } else { Ok(record) }
            })
            .await?;
        // Recorded: unqualified also when a version was published.
        Ok(self.render(&shown, None))
    }

    async fn new_record(
        &self,
        key: FunctionKey,
        mut input: api::CreateFunctionRequest,
        context: &RequestContext,
    ) -> Result<(FunctionRecord, Option<CodeLease>), LambdaError> {
        let source = CodeSource::from(input.code.take().unwrap_or_default());
        let is_image = input.package_type.as_deref() == Some("Image");
        check_package_type(is_image, &source, &input)?;
        let mut configuration = settings::defaults(&self.architecture(input.architectures.as_deref())?);
        if let CodeSource::Image(uri) = &source {
            configuration.image = Some(ImageConfiguration { uri: uri.clone(), ..Default::default() });
        }
        let mut requested = requested!(input, unbuilt: [
            "CodeSigningConfigArn": code_signing_config_arn,
            "DurableConfig": durable_config,
            "TenancyConfig": tenancy_config,
            "CapacityProviderConfig": capacity_provider_config,
            "RuntimeConfig": runtime_config,
            "AcceleratorConfig": accelerator_config,
            "PublishTo": publish_to
        ]);
        let layers = requested.layers.take().unwrap_or_default();
        requested.apply(&mut configuration, self.accept_inert_settings)?;
        check_role(&*self.roles, &configuration, &context.caller.account_id)?;
        let (code, lease) = match source {
            CodeSource::Image(_) if self.accept_inert_settings => (no_code(), None),
            source => {
                let (code, lease) = self.take_in(source, context).await?;
                (code, Some(lease))
            }
        };
        configuration.layers = self.layers(&layers, &code, &context.caller).await?;
        let record =
            FunctionRecord::new(key, configuration, code, aws_api::request_id::new(), clock::unix_ms());
        Ok((record, lease))
    }

    /// Left out it is the host's (AWS: x86_64); another machine's code would not run here.
    pub(super) fn architecture(&self, requested: Option<&[String]>) -> Result<String, LambdaError> {
        match requested.and_then(|list| list.first()) {
            Some(other) if other != self.host_architecture && !self.allow_foreign_architecture => {
                Err(LambdaError::InvalidParameterValue(format!(
                    "This server runs {} functions only; the request asks for {other}. \
                     Start it with --allow-foreign-architecture to keep the function all the same.",
                    self.host_architecture
                )))
            }
            Some(requested) => Ok(requested.clone()),
            None => Ok(self.host_architecture.to_owned()),
        }
    }
}

/// The execution role must be one that Lambda may assume, where it is known at all.
///
/// # Errors
/// AWS's answer when it may not.
pub(super) fn check_role(
    roles: &dyn ExecutionRoles,
    configuration: &FunctionConfiguration,
    account_id: &str,
) -> Result<(), LambdaError> {
    if roles.may_be_passed_to_lambda(&configuration.role, account_id) {
        return Ok(());
    }
    Err(LambdaError::InvalidParameterValue(
        "The role defined for the function cannot be assumed by Lambda.".into(),
    ))
}

/// A zip needs a runtime and a handler; an image brings its own.
fn check_package_type(
    is_image: bool,
    source: &CodeSource,
    input: &api::CreateFunctionRequest,
) -> Result<(), LambdaError> {
    let refusal = match (is_image, source) {
        (true, CodeSource::Image(_))
            if input.runtime.is_some() || input.handler.is_some() || input.layers.is_some() =>
        {
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
        }
        (true, CodeSource::Image(_)) => return Ok(()),
        (true, _) => "Please provide ImageUri when creating a function with packageType Image.",
        (false, CodeSource::Image(_)) => {
            "Please don't provide ImageUri when creating a function with packageType Zip."
        }
        (false, _) if input.runtime.is_none() || input.handler.is_none() => {
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        }
        (false, _) => return Ok(()),
    };
    Err(LambdaError::InvalidParameterValue(refusal.into()))
}

/// An image that is kept without being run has no package.
fn no_code() -> CodeReference {
    CodeReference { sha256_hex: String::new(), code_sha256: String::new(), code_size_bytes: 0 }
}

fn already_exists(key: &FunctionKey) -> LambdaError {
    LambdaError::ResourceConflict(format!("Function already exist: {}", key.name))
}
