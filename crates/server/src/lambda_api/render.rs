//! A stored function in the words of the API.

use aws_api::{generated::lambda::types as api, timestamp};
use lambda_model::function::{
    FunctionRecord, FunctionState,
    configuration::{ImageConfiguration, VpcConfiguration},
};

use super::LambdaApi;

impl LambdaApi {
    /// `FunctionConfiguration` as AWS returns it for a function with these settings.
    ///
    /// The ARN ends in `qualifier` if there is one: the version or the alias that was asked for.
    pub(super) fn render(
        &self,
        record: &FunctionRecord,
        qualifier: Option<&str>,
    ) -> api::FunctionConfiguration {
        let settings = &record.configuration;
        // A version that was chosen by hand is shown as chosen.
        let chosen =
            record.runtime_management.as_ref().and_then(|management| management.runtime_version_arn.clone());
        let arn = chosen.or_else(|| self.runtimes.version_arn(&settings.runtime, &record.key.region));
        api::FunctionConfiguration {
            runtime_version_config: arn
                .map(|arn| api::RuntimeVersionConfig { runtime_version_arn: Some(arn), error: None }),
            ..configuration(record, qualifier)
        }
    }
}

fn configuration(record: &FunctionRecord, qualifier: Option<&str>) -> api::FunctionConfiguration {
    let settings = &record.configuration;
    let is_pending = record.state == FunctionState::Pending;
    api::FunctionConfiguration {
        function_name: Some(record.key.name.clone()),
        function_arn: Some(record.key.arn_of(qualifier)),
        runtime: (!settings.runtime.is_empty()).then(|| settings.runtime.clone()),
        role: Some(settings.role.clone()),
        handler: (!settings.handler.is_empty()).then(|| settings.handler.clone()),
        code_size: i64::try_from(record.code.code_size_bytes).ok(),
        description: Some(settings.description.clone()),
        timeout: Some(settings.timeout_seconds),
        memory_size: Some(settings.memory_size_mb),
        last_modified: Some(timestamp::last_modified(record.last_modified_ms)),
        code_sha256: Some(record.code.code_sha256.clone()),
        version: Some(record.version.clone()),
        environment: settings.environment.as_ref().map(|variables| api::EnvironmentResponse {
            variables: Some(variables.clone().into_iter().collect()),
            ..Default::default()
        }),
        tracing_config: Some(api::TracingConfigResponse { mode: Some(settings.tracing_mode.clone()) }),
        revision_id: Some(record.revision_id.clone()),
        state: Some(record.state.as_str().into()),
        state_reason: record.state_reason.clone(),
        state_reason_code: record.state_reason_code.clone(),
        // Recorded: what is being created has no update yet.
        last_update_status: (!is_pending).then(|| record.last_update_status.as_str().into()),
        last_update_status_reason: record.last_update_status_reason.clone().filter(|_| !is_pending),
        last_update_status_reason_code: record.last_update_status_reason_code.clone().filter(|_| !is_pending),
        package_type: Some(if settings.image.is_some() { "Image" } else { "Zip" }.into()),
        architectures: Some(vec![settings.architecture.clone()]),
        ephemeral_storage: Some(api::EphemeralStorage { size: Some(settings.ephemeral_storage_mb) }),
        snap_start: Some(api::SnapStartResponse {
            apply_on: Some(settings.snap_start_apply_on.clone().unwrap_or_else(|| "None".into())),
            optimization_status: Some("Off".into()),
        }),
        logging_config: Some(logging(record)),
        layers: list(settings.layers.iter().map(|layer| api::Layer {
            arn: Some(layer.arn.clone()),
            code_size: i64::try_from(layer.code.code_size_bytes).ok(),
            ..Default::default()
        })),
        dead_letter_config: settings
            .dead_letter_target_arn
            .clone()
            .map(|arn| api::DeadLetterConfig { target_arn: Some(arn) }),
        kms_key_arn: settings.kms_key_arn.clone(),
        vpc_config: settings.vpc.as_ref().map(vpc),
        file_system_configs: list(settings.file_systems.iter().map(|mount| api::FileSystemConfig {
            arn: Some(mount.arn.clone()),
            local_mount_path: Some(mount.local_mount_path.clone()),
            ..Default::default()
        })),
        image_config_response: settings.image.as_ref().and_then(image),
        ..Default::default()
    }
}

/// The same as lists show it: without what is passing (recorded).
pub(super) fn listed(record: &FunctionRecord, qualifier: Option<&str>) -> api::FunctionConfiguration {
    api::FunctionConfiguration {
        state: None,
        state_reason: None,
        state_reason_code: None,
        last_update_status: None,
        last_update_status_reason: None,
        last_update_status_reason_code: None,
        ..configuration(record, qualifier)
    }
}

/// `None` for nothing: absent in the answer.
fn list<T>(entries: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let entries: Vec<T> = entries.collect();
    (!entries.is_empty()).then_some(entries)
}

fn logging(record: &FunctionRecord) -> api::LoggingConfig {
    let logging = &record.configuration.logging;
    api::LoggingConfig {
        log_format: Some(logging.log_format.clone()),
        application_log_level: logging.application_log_level.clone(),
        system_log_level: logging.system_log_level.clone(),
        log_group: Some(logging.log_group.clone().unwrap_or_else(|| record.key.log_group())),
    }
}

/// A VPC is named, not looked up: its id is that of nothing.
fn vpc(vpc: &VpcConfiguration) -> api::VpcConfigResponse {
    api::VpcConfigResponse {
        subnet_ids: Some(vpc.subnet_ids.clone()),
        security_group_ids: Some(vpc.security_group_ids.clone()),
        vpc_id: Some(String::new()),
        ipv6_allowed_for_dual_stack: Some(vpc.ipv6_allowed_for_dual_stack),
    }
}

fn image(image: &ImageConfiguration) -> Option<api::ImageConfigResponse> {
    let is_overridden =
        image.entry_point.is_some() || image.command.is_some() || image.working_directory.is_some();
    is_overridden.then(|| api::ImageConfigResponse {
        image_config: Some(api::ImageConfig {
            entry_point: image.entry_point.clone(),
            command: image.command.clone(),
            working_directory: image.working_directory.clone(),
        }),
        error: None,
    })
}
