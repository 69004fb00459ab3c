//! `UpdateFunctionConfiguration`.

use crate::clock;
use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionRecord, LATEST, state},
};

use super::{
    super::{
        LambdaApi, RequestContext,
        render::{self, ArnForm},
        target::Target,
    },
    settings::{RequestedSettings, UnbuiltSettings},
    update_code::check_revision,
};

impl LambdaApi {
    /// Changes the named settings of `$LATEST` and leaves the others.
    pub(in crate::lambda_api) async fn update_function_configuration(
        &self,
        input: api::UpdateFunctionConfigurationRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target =
            Target::resolve(input.function_name.as_deref().unwrap_or_default(), None, &context.caller)?;
        target.require_latest()?;
        let expected = input.revision_id.clone();
        let requested = RequestedSettings {
            unbuilt: unbuilt(&input),
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
        let record = self
            .change(&target, move |record| {
                state::check_updatable(&record.key.arn(), record.state, record.last_update_status)?;
                check_revision(expected.as_deref(), &record.revision_id)?;
                let mut configuration = record.configuration.clone();
                requested.apply(&mut configuration)?;
                record.begin_update(aws_api::request_id::new(), clock::unix_ms());
                record.configuration = configuration;
                Ok(())
            })
            .await?;
        Ok(render::configuration(&record, ArnForm::Plain))
    }

    /// Changes a record where nobody else changes it meanwhile.
    pub(super) async fn change(
        &self,
        target: &Target,
        change: impl FnOnce(&mut FunctionRecord) -> Result<(), LambdaError> + Send + 'static,
    ) -> Result<FunctionRecord, LambdaError> {
        let changed = self.store.update_function(&target.key, LATEST, change).await?;
        changed.ok_or_else(|| target.not_found())
    }
}

fn unbuilt(input: &api::UpdateFunctionConfigurationRequest) -> Vec<&'static str> {
    let mut unbuilt = UnbuiltSettings::default();
    unbuilt.vpc(input.vpc_config.as_ref());
    unbuilt.dead_letter(input.dead_letter_config.as_ref());
    unbuilt.kms(input.kms_key_arn.as_deref());
    unbuilt.layers(input.layers.as_deref());
    unbuilt.file_systems(input.file_system_configs.as_deref());
    unbuilt.snap_start(input.snap_start.as_ref());
    unbuilt.logging(input.logging_config.as_ref());
    unbuilt.present("ImageConfig", input.image_config.is_some());
    unbuilt.present("DurableConfig", input.durable_config.is_some());
    unbuilt.present("CapacityProviderConfig", input.capacity_provider_config.is_some());
    unbuilt.names()
}
