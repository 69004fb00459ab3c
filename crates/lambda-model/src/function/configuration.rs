//! The settings of a function, in the units of the API.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::CodeReference;

/// What a caller may set. Values are valid: they are only built through [`super::settings`].
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionConfiguration {
    /// Such as `python3.11`.
    pub runtime: String,
    /// Such as `index.handler`.
    pub handler: String,
    /// ARN of the execution role.
    pub role: String,
    /// Free text.
    pub description: String,
    /// Limit of one invocation, seconds.
    pub timeout_seconds: i64,
    /// Memory, MB; CPU is in proportion.
    pub memory_size_mb: i64,
    /// `/tmp`, MB.
    pub ephemeral_storage_mb: i64,
    /// Environment variables; `None` where the caller never set any, which the API shows as absence.
    pub environment: Option<BTreeMap<String, String>>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `Active` or `PassThrough`.
    pub tracing_mode: String,
    /// Merged into `/opt` in this order (Y-02).
    #[serde(default)]
    pub layers: Vec<FunctionLayer>,
    /// The dead-letter queue or topic.
    #[serde(default)]
    pub dead_letter_target_arn: Option<String>,
    /// The key that environment variables are said to be encrypted with.
    #[serde(default)]
    pub kms_key_arn: Option<String>,
    /// Where and how the function logs.
    #[serde(default)]
    pub logging: LoggingConfiguration,
    /// `PublishedVersions`; `None` is the API's `None`.
    #[serde(default)]
    pub snap_start_apply_on: Option<String>,
    /// The VPC, where one is named.
    #[serde(default)]
    pub vpc: Option<VpcConfiguration>,
    /// File systems to mount.
    #[serde(default)]
    pub file_systems: Vec<FileSystemConfiguration>,
    /// The container image, for a function that is one; such a function has no runtime and no handler.
    #[serde(default)]
    pub image: Option<ImageConfiguration>,
}

/// A layer version as a function uses it: the function keeps its package even when the layer version is deleted (Y-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionLayer {
    /// `arn:aws:lambda:<region>:<account>:layer:<name>:<version>`.
    pub arn: String,
    /// Its package.
    pub code: CodeReference,
}

/// `LoggingConfig` (B.23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingConfiguration {
    /// `Text` or `JSON`.
    pub log_format: String,
    /// Only with `JSON`.
    pub application_log_level: Option<String>,
    /// Only with `JSON`.
    pub system_log_level: Option<String>,
    /// Where it logs, if not where functions do by default.
    pub log_group: Option<String>,
}

impl Default for LoggingConfiguration {
    fn default() -> Self {
        Self {
            log_format: "Text".into(),
            application_log_level: None,
            system_log_level: None,
            log_group: None,
        }
    }
}

/// `VpcConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcConfiguration {
    /// Subnets.
    pub subnet_ids: Vec<String>,
    /// Security groups.
    pub security_group_ids: Vec<String>,
    /// Whether IPv6 goes out too.
    pub ipv6_allowed_for_dual_stack: bool,
}

/// One of `FileSystemConfigs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemConfiguration {
    /// The access point.
    pub arn: String,
    /// Below `/mnt`.
    pub local_mount_path: String,
}

/// A function's container image and what of it is overridden.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfiguration {
    /// In a registry.
    pub uri: String,
    /// Overrides ENTRYPOINT.
    pub entry_point: Option<Vec<String>>,
    /// Overrides CMD.
    pub command: Option<Vec<String>>,
    /// Overrides WORKDIR.
    pub working_directory: Option<String>,
}

impl fmt::Debug for FunctionConfiguration {
    /// Environment values are secrets: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionConfiguration")
            .field("runtime", &self.runtime)
            .field("handler", &self.handler)
            .field("memory_size_mb", &self.memory_size_mb)
            .field("timeout_seconds", &self.timeout_seconds)
            .field("environment_variables", &self.environment.as_ref().map_or(0, BTreeMap::len))
            .finish_non_exhaustive()
    }
}
