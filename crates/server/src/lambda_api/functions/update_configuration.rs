//! `UpdateFunctionConfiguration`.

use std::sync::Arc;

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionRecord, LATEST},
};

use super::{create, layers, settings::requested, update_code::begin_update};
use crate::lambda_api::{LambdaApi, RequestContext, target::Target};

impl LambdaApi {
    /// Changes the named settings of `$LATEST` and leaves the others.
    pub(in crate::lambda_api) async fn update_function_configuration(
        &self,
        mut input: api::UpdateFunctionConfigurationRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let key = target.require_latest()?;
        let expected = input.revision_id.take();
        let mut requested = requested!(input, unbuilt: [
            "DurableConfig": durable_config,
            "CapacityProviderConfig": capacity_provider_config,
            "RuntimeConfig": runtime_config,
            "AcceleratorConfig": accelerator_config
        ]);
        let current = self.store.function(key, LATEST).await?.ok_or_else(|| target.not_found())?;
        let layers = match requested.layers.take() {
            Some(arns) => Some(self.layers(&arns, &current.code, &context.caller).await?),
            None => None,
        };
        let (key, accept_inert, roles) = (key.clone(), self.accept_inert_settings, Arc::clone(&self.roles));
        let record = self
            .store
            .transact(move |transaction| {
                let record = transaction.function(&key, LATEST)?;
                let mut record = record.ok_or_else(|| LambdaError::function_not_found(&key.arn()))?;
                begin_update(&mut record, expected.as_deref())?;
                requested.apply(&mut record.configuration, accept_inert)?;
                create::check_role(&*roles, &record.configuration, &record.key.account_id)?;
                if let Some(layers) = layers {
                    layers::check_still_there(transaction, &layers)?;
                    record.configuration.layers = layers;
                }
                transaction.put_function(&record)?;
                Ok::<_, LambdaError>(record)
            })
            .await?;
        Ok(self.render(&record, None))
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
