//! Environment variables of a runtime's process, as recorded on Lambda (N-01, N-02).

use std::{collections::BTreeMap, net::SocketAddr};

use lambda_model::{credentials::TemporaryCredentials, ports::RunnableVersion};

use crate::runtimes::RuntimePlan;

/// Where an environment finds this server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// `AWS_LAMBDA_RUNTIME_API`.
    pub runtime_api: SocketAddr,
    /// `AWS_ENDPOINT_URL` and its like.
    pub endpoint: SocketAddr,
    /// `AWS_XRAY_DAEMON_ADDRESS`.
    pub xray: SocketAddr,
}

/// Why an environment is initialised (L-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitializationType {
    /// An invocation waits for it.
    OnDemand,
    /// It was asked for ahead of invocations.
    Provisioned,
}

impl InitializationType {
    /// As variables and telemetry have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Provisioned => "provisioned-concurrency",
        }
    }
}

/// What differs between two environments of a version.
pub(crate) struct Surroundings<'a> {
    /// `AWS_LAMBDA_LOG_STREAM_NAME`.
    pub log_stream: &'a str,
    /// Where it finds this server.
    pub addresses: Addresses,
    /// Why it is initialised.
    pub initialization: InitializationType,
    /// Names of the variables with the endpoint's address.
    pub endpoint_variables: &'a [String],
    /// A session of the function's role.
    pub credentials: TemporaryCredentials,
}

/// All variables, the function's own last but never over the platform's reserved ones.
pub(crate) fn of(
    version: &RunnableVersion,
    plan: &RuntimePlan,
    surroundings: Surroundings<'_>,
) -> Vec<(String, String)> {
    let mut variables: BTreeMap<String, String> = plan.environment.iter().cloned().collect();
    let endpoint = format!("http://{}", surroundings.addresses.endpoint);
    variables.extend(surroundings.endpoint_variables.iter().map(|name| (name.clone(), endpoint.clone())));
    variables.extend(version.configuration.environment.clone().unwrap_or_default());
    variables.extend(reserved(version, surroundings));
    variables.extend(logging(version));
    variables.into_iter().collect()
}

/// What runtimes read to know how to log; only where it is not the usual (O-01).
fn logging(version: &RunnableVersion) -> Vec<(String, String)> {
    let logging = &version.configuration.logging;
    if logging.log_format != "JSON" {
        return Vec::new();
    }
    let level = logging.application_log_level.clone().unwrap_or_else(|| "INFO".into());
    vec![("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into()), ("AWS_LAMBDA_LOG_LEVEL".into(), level)]
}

/// Variables that a function cannot set (N-01).
fn reserved(
    version: &RunnableVersion,
    surroundings: Surroundings<'_>,
) -> impl Iterator<Item = (String, String)> {
    let (key, settings) = (&version.key, &version.configuration);
    let Surroundings { log_stream, addresses, initialization, credentials, .. } = surroundings;
    [
        ("_HANDLER", settings.handler.clone()),
        ("AWS_REGION", key.region.clone()),
        ("AWS_DEFAULT_REGION", key.region.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", key.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", version.version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_size_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.as_str().into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", settings.logging.log_group.clone().unwrap_or_else(|| key.log_group())),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", addresses.runtime_api.to_string()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", credentials.session_token),
        ("LAMBDA_TASK_ROOT", "/var/task".into()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into()),
        ("AWS_XRAY_DAEMON_ADDRESS", addresses.xray.to_string()),
        ("_AWS_XRAY_DAEMON_ADDRESS", addresses.xray.ip().to_string()),
        ("_AWS_XRAY_DAEMON_PORT", addresses.xray.port().to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
}
