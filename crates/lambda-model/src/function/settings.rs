//! Rules for settings that the API model cannot state: reserved names, sums, ranges of ordinary functions.

use std::collections::BTreeMap;

use super::configuration::LoggingConfiguration;
use crate::{LambdaError, limits};

/// Names that a caller may not set (N-01). `_HANDLER` and the rest belong to the platform.
const RESERVED_KEYS: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Checks environment variables: reserved names and the 4 KB rule (N-01, N-03).
///
/// # Errors
/// `InvalidParameterValue` with AWS's text.
pub fn check_environment(variables: &BTreeMap<String, String>) -> Result<(), LambdaError> {
    let reserved: Vec<&str> =
        RESERVED_KEYS.iter().copied().filter(|key| variables.contains_key(*key)).collect();
    if !reserved.is_empty() {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided \
             contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let measured = environment_as_json(variables);
    if measured.len() > limits::ENVIRONMENT_VARIABLES_BYTES_MAX {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided \
             exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    Ok(())
}

/// The text that AWS measures: compact JSON.
fn environment_as_json(variables: &BTreeMap<String, String>) -> String {
    serde_json::to_string(variables).unwrap_or_default()
}

/// Checks a runtime's name against those that the API model knows.
///
/// # Errors
/// `InvalidParameterValue` in AWS's own words for this one member.
pub fn check_runtime(runtime: &str, known: &[&str]) -> Result<(), LambdaError> {
    if known.contains(&runtime) {
        return Ok(());
    }
    Err(LambdaError::InvalidParameterValue(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a valid ARN",
        known.join(", ")
    )))
}

/// Ranges of an ordinary function; the API model allows more for managed instances (N-04, N-05).
///
/// # Errors
/// `Validation` in the words that AWS uses for a constraint.
pub fn check_ordinary_ranges(memory_size_mb: i64, timeout_seconds: i64) -> Result<(), LambdaError> {
    let mut violations = Vec::new();
    if memory_size_mb > limits::MEMORY_SIZE_MB_MAX {
        violations.push(above("memorySize", memory_size_mb, limits::MEMORY_SIZE_MB_MAX));
    }
    if timeout_seconds > limits::TIMEOUT_SECONDS_MAX {
        violations.push(above("timeout", timeout_seconds, limits::TIMEOUT_SECONDS_MAX));
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err(LambdaError::Validation(format!("1 validation error detected: {}", violations[0]))),
        n => {
            Err(LambdaError::Validation(format!("{n} validation errors detected: {}", violations.join("; "))))
        }
    }
}

/// Checks where a function's dead letters may go: a queue or a topic. Empty takes the setting away.
///
/// # Errors
/// `InvalidParameterValue` for anything else.
pub fn check_dead_letter_target(arn: Option<&str>) -> Result<(), LambdaError> {
    let arn = arn.unwrap_or_default();
    let service = arn.split(':').nth(2).unwrap_or_default();
    if arn.is_empty() || matches!(service, "sqs" | "sns") {
        return Ok(());
    }
    Err(LambdaError::InvalidParameterValue(format!(
        "The provided dead-letter target {arn} is not a queue or a topic."
    )))
}

/// Runtimes that have SnapStart, by their families and first versions (AWS's developer guide, SnapStart).
///
/// # Errors
/// The recorded text for the others.
pub fn check_snap_start(runtime: &str) -> Result<(), LambdaError> {
    let since = [("java", 11), ("python3.", 12), ("dotnet", 8)];
    let has_it = since.iter().any(|(family, first)| {
        let version = runtime.strip_prefix(family).and_then(|rest| rest.split('.').next());
        version.and_then(|version| version.parse().ok()).is_some_and(|version: u32| version >= *first)
    });
    if has_it {
        return Ok(());
    }
    Err(LambdaError::InvalidParameterValue(format!(
        "{runtime} is not supported for SnapStart enabled functions."
    )))
}

/// Completes a logging configuration with the levels that a request names, or their defaults (O-01).
///
/// # Errors
/// `InvalidParameterValue` for levels without the JSON format.
pub fn complete_logging(
    mut logging: LoggingConfiguration,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
) -> Result<LoggingConfiguration, LambdaError> {
    if logging.log_format == "JSON" {
        let level = |requested: Option<String>, before: Option<String>| {
            requested.or(before).or_else(|| Some("INFO".to_owned()))
        };
        logging.application_log_level = level(application_log_level, logging.application_log_level);
        logging.system_log_level = level(system_log_level, logging.system_log_level);
        return Ok(logging);
    }
    if application_log_level.is_some() || system_log_level.is_some() {
        return Err(LambdaError::InvalidParameterValue(
            "ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.".into(),
        ));
    }
    (logging.application_log_level, logging.system_log_level) = (None, None);
    Ok(logging)
}

fn above(field: &str, value: i64, max: i64) -> String {
    format!(
        "Value '{value}' at '{field}' failed to satisfy constraint: Member must have value less than or equal to {max}"
    )
}

/// Tags of a resource after a change (semantics B.25).
///
/// # Errors
/// `InvalidParameterValue` when there are too many.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), LambdaError> {
    if tags.len() > limits::TAGS_MAX {
        return Err(LambdaError::InvalidParameterValue("Number of tags exceeds resource tag limit.".into()));
    }
    if let Some(key) = tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Your request contains a tag key with a reserved prefix: {key}. Tag keys cannot start with aws:"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
