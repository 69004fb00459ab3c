//! The settings of a function, in the units of the API.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What a caller may set. Values are valid: they are only built through [`super::settings`].
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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
