//! Configurations of a function with a single value: how its runtime is updated, and what becomes of recursive loops.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionKey, FunctionRecord, LATEST, record::RuntimeManagement},
};

use super::{LambdaApi, RequestContext, located, target::Target};

impl LambdaApi {
    /// Says when the runtime's version may change. Versions here are the machine's own: the setting is kept, and has no effect.
    pub(super) async fn put_runtime_management_config(
        &self,
        input: api::PutRuntimeManagementConfigRequest,
        context: &RequestContext,
    ) -> Result<api::PutRuntimeManagementConfigResponse, LambdaError> {
        let target = managed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let update_runtime_on = input.update_runtime_on.unwrap_or_default();
        check_runtime_version(&update_runtime_on, input.runtime_version_arn.as_deref())?;
        let management =
            RuntimeManagement { update_runtime_on, runtime_version_arn: input.runtime_version_arn };
        let record =
            self.change_version(&target, move |record| record.runtime_management = Some(management)).await?;
        let shown = shown(&record);
        Ok(api::PutRuntimeManagementConfigResponse {
            update_runtime_on: shown.update_runtime_on,
            function_arn: shown.function_arn,
            runtime_version_arn: shown.runtime_version_arn,
        })
    }

    /// The same; a function that nobody asked anything of is `Auto`.
    pub(super) async fn get_runtime_management_config(
        &self,
        input: api::GetRuntimeManagementConfigRequest,
        context: &RequestContext,
    ) -> Result<api::GetRuntimeManagementConfigResponse, LambdaError> {
        let target = managed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        Ok(shown(&self.locate(&target).await?))
    }

    /// Says whether a function may go round in circles.
    pub(super) async fn put_function_recursion_config(
        &self,
        input: api::PutFunctionRecursionConfigRequest,
        context: &RequestContext,
    ) -> Result<api::PutFunctionRecursionConfigResponse, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let chosen = input.recursive_loop;
        let record = self
            .change_version(&Target { qualifier: None, ..target }, move |record| {
                record.recursive_loop = chosen
            })
            .await?;
        Ok(api::PutFunctionRecursionConfigResponse { recursive_loop: Some(recursive_loop(&record)) })
    }

    /// The same; `Terminate` where nobody said otherwise.
    pub(super) async fn get_function_recursion_config(
        &self,
        input: api::GetFunctionRecursionConfigRequest,
        context: &RequestContext,
    ) -> Result<api::GetFunctionRecursionConfigResponse, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let record = self.whole_function(&target.key).await?;
        Ok(api::GetFunctionRecursionConfigResponse { recursive_loop: Some(recursive_loop(&record)) })
    }

    /// The `$LATEST` of a function that must be there.
    ///
    /// # Errors
    /// 404 with its plain ARN.
    pub(super) async fn whole_function(&self, key: &FunctionKey) -> Result<FunctionRecord, LambdaError> {
        let record = self.store.function(key, LATEST).await?;
        record.ok_or_else(|| LambdaError::function_not_found(&key.arn()))
    }

    async fn change_version(
        &self,
        target: &Target,
        change: impl FnOnce(&mut FunctionRecord) + Send + 'static,
    ) -> Result<FunctionRecord, LambdaError> {
        let version = target.qualifier.as_deref().unwrap_or(LATEST);
        let changed = self.store.update_function(&target.key, version, move |record| {
            change(record);
            Ok::<_, LambdaError>(())
        });
        changed.await?.ok_or_else(|| LambdaError::function_not_found(&target.arn()))
    }
}

/// A function or a version of it; aliases have no runtime of their own.
fn managed(
    name: Option<&str>,
    qualifier: Option<&str>,
    context: &RequestContext,
) -> Result<Target, LambdaError> {
    let target = Target::of(name, qualifier, context)?;
    match target.qualifier.as_deref() {
        Some(alias) if !located::is_version(alias) => Err(target.not_found()),
        _ => Ok(target),
    }
}

/// `Manual` names a version, and nothing else does (API reference).
fn check_runtime_version(update_runtime_on: &str, arn: Option<&str>) -> Result<(), LambdaError> {
    let refusal = match (update_runtime_on, arn) {
        ("Manual", None) => "You must specify a RuntimeVersionArn when UpdateRuntimeOn is Manual.",
        ("Auto" | "FunctionUpdate", Some(_)) => {
            "A RuntimeVersionArn can only be specified when UpdateRuntimeOn is Manual."
        }
        _ => return Ok(()),
    };
    Err(LambdaError::InvalidParameterValue(refusal.into()))
}

fn shown(record: &FunctionRecord) -> api::GetRuntimeManagementConfigResponse {
    let management = record.runtime_management.as_ref();
    api::GetRuntimeManagementConfigResponse {
        update_runtime_on: Some(management.map_or("Auto", |chosen| &chosen.update_runtime_on).to_owned()),
        function_arn: Some(record.key.qualified_arn(&record.version)),
        runtime_version_arn: management.and_then(|chosen| chosen.runtime_version_arn.clone()),
    }
}

fn recursive_loop(record: &FunctionRecord) -> String {
    record.recursive_loop.clone().unwrap_or_else(|| "Terminate".into())
}
