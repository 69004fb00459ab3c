//! A stored function in the words of the API.

use aws_api::{generated::lambda::types as api, timestamp};
use lambda_model::function::FunctionRecord;

/// How the ARN in an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArnForm {
    /// As the function is called when nobody asks for a version.
    Plain,
    /// With `:$LATEST` or the version's number.
    Qualified,
}

/// `FunctionConfiguration` as AWS returns it for a function with these settings.
pub(super) fn configuration(record: &FunctionRecord, form: ArnForm) -> api::FunctionConfiguration {
    let settings = &record.configuration;
    api::FunctionConfiguration {
        function_name: Some(record.key.name.clone()),
        function_arn: Some(match form {
            ArnForm::Plain => record.key.arn(),
            ArnForm::Qualified => record.key.qualified_arn(&record.version),
        }),
        runtime: Some(settings.runtime.clone()),
        role: Some(settings.role.clone()),
        handler: Some(settings.handler.clone()),
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
        last_update_status: Some(record.last_update_status.as_str().into()),
        last_update_status_reason: record.last_update_status_reason.clone(),
        last_update_status_reason_code: record.last_update_status_reason_code.clone(),
        package_type: Some("Zip".into()),
        architectures: Some(vec![settings.architecture.clone()]),
        ephemeral_storage: Some(api::EphemeralStorage { size: Some(settings.ephemeral_storage_mb) }),
        snap_start: Some(api::SnapStartResponse {
            apply_on: Some("None".into()),
            optimization_status: Some("Off".into()),
        }),
        logging_config: Some(api::LoggingConfig {
            log_format: Some("Text".into()),
            log_group: Some(record.key.log_group()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
