//! The settings of a request: which are taken, and what they become.

use std::collections::BTreeMap;

use aws_api::{
    generated::lambda::{operations::MODEL, types as api},
    schema::Kind,
};
use lambda_model::{
    LambdaError,
    function::{
        FunctionConfiguration,
        configuration::{
            FileSystemConfiguration, ImageConfiguration, LoggingConfiguration, VpcConfiguration,
        },
        settings as rules,
    },
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
    pub vpc_config: Option<api::VpcConfig>,
    pub dead_letter_config: Option<api::DeadLetterConfig>,
    pub kms_key_arn: Option<String>,
    pub file_system_configs: Option<Vec<api::FileSystemConfig>>,
    pub snap_start: Option<api::SnapStart>,
    pub logging_config: Option<api::LoggingConfig>,
    pub image_config: Option<api::ImageConfig>,
    /// Looked up where the function is written: see [`super::layers`].
    pub layers: Option<Vec<String>>,
    /// Named settings of features that are not built.
    pub unbuilt: Vec<&'static str>,
}

/// Takes the shared members out of either request.
macro_rules! requested {
    ($input:ident, unbuilt: [$($name:literal: $member:ident),*]) => {
        $crate::lambda_api::functions::settings::RequestedSettings {
            role: $input.role.take(),
            handler: $input.handler.take(),
            description: $input.description.take(),
            timeout: $input.timeout.take(),
            memory_size: $input.memory_size.take(),
            runtime: $input.runtime.take(),
            environment: $input.environment.take(),
            ephemeral_storage: $input.ephemeral_storage.take(),
            tracing_config: $input.tracing_config.take(),
            vpc_config: $input.vpc_config.take(),
            dead_letter_config: $input.dead_letter_config.take(),
            kms_key_arn: $input.kms_key_arn.take(),
            file_system_configs: $input.file_system_configs.take(),
            snap_start: $input.snap_start.take(),
            logging_config: $input.logging_config.take(),
            image_config: $input.image_config.take(),
            layers: $input.layers.take(),
            unbuilt: [$(($name, $input.$member.is_some())),*]
                .into_iter()
                .filter_map(|(name, is_present)| is_present.then_some(name))
                .collect(),
        }
    };
}
pub(super) use requested;

impl RequestedSettings {
    /// Changes `configuration` as asked, except for layers.
    ///
    /// # Errors
    /// What AWS answers for values the API model allows and Lambda does not; `NotImplemented` for settings that are not built, and
    /// for those without an effect here unless the operator accepts them (`accept_inert`).
    pub(super) fn apply(
        self,
        configuration: &mut FunctionConfiguration,
        accept_inert: bool,
    ) -> Result<(), LambdaError> {
        refuse_unbuilt(&self.unbuilt)?;
        if let Some(runtime) = &self.runtime {
            rules::check_runtime(runtime, known_runtimes())?;
        }
        let memory = self.memory_size.unwrap_or(configuration.memory_size_mb);
        let timeout = self.timeout.unwrap_or(configuration.timeout_seconds);
        rules::check_ordinary_ranges(memory, timeout)?;
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
        set_optional(&mut configuration.kms_key_arn, self.kms_key_arn);
        if let Some(dead_letter) = self.dead_letter_config {
            rules::check_dead_letter_target(dead_letter.target_arn.as_deref())?;
            set_optional(
                &mut configuration.dead_letter_target_arn,
                Some(dead_letter.target_arn.unwrap_or_default()),
            );
        }
        if let Some(logging) = self.logging_config {
            configuration.logging = logging_of(logging, &configuration.logging)?;
        }
        if let (Some(image), Some(overrides)) = (&mut configuration.image, self.image_config) {
            override_image(image, overrides);
        }
        let inert =
            Inert { vpc: self.vpc_config, mounts: self.file_system_configs, snap_start: self.snap_start };
        inert.apply(configuration, accept_inert)
    }
}

/// Settings that are kept and have no effect here.
struct Inert {
    vpc: Option<api::VpcConfig>,
    mounts: Option<Vec<api::FileSystemConfig>>,
    snap_start: Option<api::SnapStart>,
}

impl Inert {
    fn apply(self, configuration: &mut FunctionConfiguration, accept: bool) -> Result<(), LambdaError> {
        let mut used = Vec::new();
        if let Some(vpc) = self.vpc {
            configuration.vpc = vpc_of(vpc);
            used.extend(configuration.vpc.is_some().then_some("VpcConfig"));
        }
        if let Some(mounts) = self.mounts {
            configuration.file_systems = mounts.into_iter().map(file_system).collect();
            used.extend((!configuration.file_systems.is_empty()).then_some("FileSystemConfigs"));
        }
        if let Some(apply_on) = self.snap_start.and_then(|snap_start| snap_start.apply_on) {
            let applies = apply_on != "None";
            if applies {
                rules::check_snap_start(&configuration.runtime)?;
            }
            configuration.snap_start_apply_on = applies.then_some(apply_on);
            used.extend(applies.then_some("SnapStart"));
        }
        if used.is_empty() {
            return Ok(());
        }
        if !accept {
            return Err(LambdaError::NotImplemented(format!(
                "{} no effect on this server: leave it out, or start the server with --accept-inert-settings.",
                settings_named(&used, "has", "have")
            )));
        }
        tracing::warn!(settings = used.join(", "), "kept without an effect");
        Ok(())
    }
}

fn refuse_unbuilt(unbuilt: &[&'static str]) -> Result<(), LambdaError> {
    if unbuilt.is_empty() {
        return Ok(());
    }
    Err(LambdaError::NotImplemented(format!(
        "{} not implemented by this server: leave it out.",
        settings_named(unbuilt, "is", "are")
    )))
}

fn settings_named(names: &[&str], singular: &str, plural: &str) -> String {
    match names {
        [one] => format!("The setting {one} {singular}"),
        several => format!("The settings {} {plural}", several.join(", ")),
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

/// An empty value takes the setting away.
fn set_optional(target: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value {
        *target = Some(value).filter(|value| !value.is_empty());
    }
}

/// `Environment` without `Variables`, or with none, means that the function has no environment.
fn environment_variables(
    environment: api::Environment,
) -> Result<Option<BTreeMap<String, String>>, LambdaError> {
    let variables: BTreeMap<String, String> = environment.variables.unwrap_or_default().into_iter().collect();
    rules::check_environment(&variables)?;
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

/// What the request leaves out of `LoggingConfig` stays.
fn logging_of(
    requested: api::LoggingConfig,
    before: &LoggingConfiguration,
) -> Result<LoggingConfiguration, LambdaError> {
    let mut logging = before.clone();
    set(&mut logging.log_format, requested.log_format);
    set_optional(&mut logging.log_group, requested.log_group);
    rules::complete_logging(logging, requested.application_log_level, requested.system_log_level)
}

/// Without subnets and security groups there is no VPC.
fn vpc_of(vpc: api::VpcConfig) -> Option<VpcConfiguration> {
    let vpc = VpcConfiguration {
        subnet_ids: vpc.subnet_ids.unwrap_or_default(),
        security_group_ids: vpc.security_group_ids.unwrap_or_default(),
        ipv6_allowed_for_dual_stack: vpc.ipv6_allowed_for_dual_stack.unwrap_or(false),
    };
    let is_named = !vpc.subnet_ids.is_empty() || !vpc.security_group_ids.is_empty();
    is_named.then_some(vpc)
}

fn file_system(mount: api::FileSystemConfig) -> FileSystemConfiguration {
    FileSystemConfiguration {
        arn: mount.arn.unwrap_or_default(),
        local_mount_path: mount.local_mount_path.unwrap_or_default(),
    }
}

/// `ImageConfig` replaces all overrides at once.
pub(super) fn override_image(image: &mut ImageConfiguration, overrides: api::ImageConfig) {
    image.entry_point = overrides.entry_point.filter(|list| !list.is_empty());
    image.command = overrides.command.filter(|list| !list.is_empty());
    image.working_directory = overrides.working_directory.filter(|path| !path.is_empty());
}
