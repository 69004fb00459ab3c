//! The settings of a request: which are built, and what they become.

use std::collections::BTreeMap;

use aws_api::{
    generated::lambda::{operations::MODEL, types as api},
    schema::Kind,
};
use lambda_model::{
    LambdaError,
    function::{FunctionConfiguration, settings},
    limits,
};

/// Settings that CreateFunction and UpdateFunctionConfiguration share. Absent ones stay as they are.
#[derive(Default)]
pub(super) struct RequestedSettings {
    pub role: Option<String>,
    pub handler: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory_size: Option<i64>,
    pub runtime: Option<String>,
    pub environment: Option<api::Environment>,
    pub ephemeral_storage: Option<api::EphemeralStorage>,
    pub tracing_config: Option<api::TracingConfig>,
    /// Named settings that have no effect here; see [`unbuilt`].
    pub unbuilt: Vec<&'static str>,
}

impl RequestedSettings {
    /// Changes `configuration` as asked.
    ///
    /// # Errors
    /// What AWS answers for values the API model allows and Lambda does not; `NotImplemented` for settings that are not built.
    pub(super) fn apply(self, configuration: &mut FunctionConfiguration) -> Result<(), LambdaError> {
        if !self.unbuilt.is_empty() {
            return Err(LambdaError::NotImplemented(format!(
                "{} not implemented by this server: leave it out.",
                match self.unbuilt.as_slice() {
                    [one] => format!("The setting {one} is"),
                    several => format!("The settings {} are", several.join(", ")),
                }
            )));
        }
        if let Some(runtime) = &self.runtime {
            settings::check_runtime(runtime, known_runtimes())?;
        }
        let memory = self.memory_size.unwrap_or(configuration.memory_size_mb);
        let timeout = self.timeout.unwrap_or(configuration.timeout_seconds);
        settings::check_ordinary_ranges(memory, timeout)?;
        (configuration.memory_size_mb, configuration.timeout_seconds) = (memory, timeout);
        if let Some(environment) = self.environment {
            configuration.environment = environment_variables(environment)?;
        }
        if let Some(storage) = self.ephemeral_storage {
            configuration.ephemeral_storage_mb = ephemeral_storage_mb(&storage)?;
        }
        if let Some(mode) = self.tracing_config.and_then(|tracing| tracing.mode) {
            configuration.tracing_mode = mode;
        }
        set(&mut configuration.role, self.role);
        set(&mut configuration.handler, self.handler);
        set(&mut configuration.description, self.description);
        set(&mut configuration.runtime, self.runtime);
        Ok(())
    }
}

/// The names of the model's `Runtime`.
fn known_runtimes() -> &'static [&'static str] {
    let shape = MODEL.shapes.iter().find(|shape| shape.name == "Runtime");
    match shape.map(|shape| &shape.kind) {
        Some(Kind::String { values, .. }) => values,
        _ => &[],
    }
}

/// The settings of a new function before the request's are applied.
pub(super) fn defaults(architecture: &str) -> FunctionConfiguration {
    FunctionConfiguration {
        timeout_seconds: limits::TIMEOUT_SECONDS_DEFAULT,
        memory_size_mb: limits::MEMORY_SIZE_MB_DEFAULT,
        ephemeral_storage_mb: limits::EPHEMERAL_STORAGE_MB_MIN,
        architecture: architecture.to_owned(),
        tracing_mode: "PassThrough".into(),
        ..FunctionConfiguration::default()
    }
}

fn set(target: &mut String, value: Option<String>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// `Environment` without `Variables`, or with none, means that the function has no environment.
fn environment_variables(
    environment: api::Environment,
) -> Result<Option<BTreeMap<String, String>>, LambdaError> {
    let variables: BTreeMap<String, String> = environment.variables.unwrap_or_default().into_iter().collect();
    settings::check_environment(&variables)?;
    Ok((!variables.is_empty()).then_some(variables))
}

fn ephemeral_storage_mb(storage: &api::EphemeralStorage) -> Result<i64, LambdaError> {
    let size = storage.size.unwrap_or(limits::EPHEMERAL_STORAGE_MB_MIN);
    if size > limits::EPHEMERAL_STORAGE_MB_MAX {
        return Err(LambdaError::Validation(format!(
            "1 validation error detected: Value '{size}' at 'ephemeralStorage.size' failed to satisfy constraint: \
             Member must have value less than or equal to {}",
            limits::EPHEMERAL_STORAGE_MB_MAX
        )));
    }
    Ok(size)
}

/// Collects the settings of a request that are not built. The neutral values that clients send by habit are let through.
#[derive(Default)]
pub(super) struct UnbuiltSettings(Vec<&'static str>);

impl UnbuiltSettings {
    pub(super) fn present(&mut self, name: &'static str, is_present: bool) {
        if is_present {
            self.0.push(name);
        }
    }

    pub(super) fn vpc(&mut self, value: Option<&api::VpcConfig>) {
        let used = value.is_some_and(|vpc| {
            vpc.subnet_ids.as_ref().is_some_and(|ids| !ids.is_empty())
                || vpc.security_group_ids.as_ref().is_some_and(|ids| !ids.is_empty())
        });
        self.present("VpcConfig", used);
    }

    pub(super) fn dead_letter(&mut self, value: Option<&api::DeadLetterConfig>) {
        let used = value.and_then(|config| config.target_arn.as_deref()).is_some_and(|arn| !arn.is_empty());
        self.present("DeadLetterConfig", used);
    }

    pub(super) fn kms(&mut self, value: Option<&str>) {
        self.present("KMSKeyArn", value.is_some_and(|arn| !arn.is_empty()));
    }

    pub(super) fn layers(&mut self, value: Option<&[String]>) {
        self.present("Layers", value.is_some_and(|layers| !layers.is_empty()));
    }

    pub(super) fn file_systems(&mut self, value: Option<&[api::FileSystemConfig]>) {
        self.present("FileSystemConfigs", value.is_some_and(|configs| !configs.is_empty()));
    }

    pub(super) fn snap_start(&mut self, value: Option<&api::SnapStart>) {
        let used = value.and_then(|snap| snap.apply_on.as_deref()).is_some_and(|on| on != "None");
        self.present("SnapStart", used);
    }

    pub(super) fn logging(&mut self, value: Option<&api::LoggingConfig>) {
        let used = value.is_some_and(|logging| {
            logging.log_format.as_deref().is_some_and(|format| format != "Text")
                || logging.application_log_level.is_some()
                || logging.system_log_level.is_some()
                || logging.log_group.is_some()
        });
        self.present("LoggingConfig", used);
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        self.0
    }
}
