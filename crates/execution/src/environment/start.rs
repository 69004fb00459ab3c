//! Making an environment: its sandbox, its listeners, what its processes will find around them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lambda_model::{
    LambdaError,
    environment::Phase,
    limits,
    ports::{CodeDirectory, LogDestination, RunnableVersion},
};
use sandbox::{IsolationLevel, SandboxSpec};

use super::{
    Environment,
    log_capture::{LogCapture, LogFormat},
    processes::ExtensionProgram,
};
use crate::{
    budget::Room,
    clock, compiled,
    context::Context,
    runtimes::{PlanRequest, RuntimePlan},
    sandboxes::{self, SandboxOfEnvironment, Wanted},
    variables::{self, InitializationType},
};

/// Why no environment came to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The runtime is not there, or the package has no entry point for it.
    #[error("{0}")]
    Runtime(String),
    /// The code is missing or damaged.
    #[error("code of the function: {0}")]
    Code(String),
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    #[error("descriptors of the environment")]
    Descriptors(#[from] std::io::Error),
    #[error("the task that starts sandboxes ended")]
    Task(#[from] tokio::task::JoinError),
}

impl From<StartError> for LambdaError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Runtime(message) => LambdaError::InvalidRuntime(message),
            other => LambdaError::Service(other.to_string()),
        }
    }
}

impl Environment {
    /// Everything up to, but not including, the runtime's process.
    pub(super) async fn start(
        context: Arc<Context>,
        version: Arc<RunnableVersion>,
        room: Room,
        initialization: InitializationType,
    ) -> Result<Self, StartError> {
        let began = tokio::time::Instant::now();
        let (code, layers) = code(&context, &version)?;
        let opt = layers.as_ref().map(|layers| layers.path.as_path());
        let mut plan = plan(&context, &version)?;
        plan.look_for_bootstrap(&code.path, opt);
        let compiled = context.compilations.of(&context, &version, &plan);
        let is_compiled = !compiled.is_empty();
        let wanted = Wanted::of(&context.configuration, &version, &plan, (&code.path, opt, compiled));
        let SandboxOfEnvironment { id, uid, spec, sandbox, services, waiting, origin } =
            sandboxes::obtain(&context, &wanted).await?;
        services.serve_for(&version);
        let log_to = log_destination(&version);
        let surroundings = (&*log_to.stream, services.addresses, initialization);
        let (plan, mut variables) = seen_by_processes(&context, &version, &spec, plan, surroundings);
        if is_compiled {
            variables.push((compiled::VARIABLE.into(), compiled::ROOT.into()));
        }
        let log_to = (log_to, LogFormat::of(&version.configuration.logging));
        let log = LogCapture::new(Arc::clone(&context.logs), log_to, services.telemetry);
        let extensions = extension_programs(&spec, opt, context.configuration.isolation);
        Ok(Self {
            id,
            control: services.control,
            has_exits: false,
            endpoint: Some(services.endpoint),
            is_resting: false,
            alarm: Box::pin(tokio::time::sleep(Duration::from_millis(limits::FREEZE_AFTER_IDLE_MS))),
            xray: services.xray,
            version,
            context,
            plan,
            variables,
            sandbox,
            names: services.names,
            api: services.api,
            events: services.events,
            log,
            subscriptions: services.subscriptions,
            process: None,
            launching: None,
            waiting,
            extensions,
            initialization,
            instance_id: uuid::Uuid::new_v4().simple().to_string(),
            phase: Phase::Starting,
            unreported_init_us: None,
            frozen: false,
            memory_mb: 0,
            began,
            born: tokio::time::Instant::now(),
            code: (code.lease, layers.map(|layers| layers.lease)),
            uid,
            room,
            origin,
        })
    }
}

/// Program and variables of the environment's processes, as these will see them.
fn seen_by_processes(
    context: &Context,
    version: &RunnableVersion,
    spec: &SandboxSpec,
    plan: RuntimePlan,
    (log_stream, addresses, initialization): (&str, variables::Addresses, InitializationType),
) -> (RuntimePlan, Vec<(String, String)>) {
    // A session of its own, named as the function is (M-02).
    let credentials = context.credentials.for_function(&version.configuration.role, &version.key.name);
    let surroundings = variables::Surroundings {
        log_stream,
        addresses,
        initialization,
        endpoint_variables: &context.configuration.endpoint_variables,
        credentials,
    };
    let variables = variables::of(version, &plan, surroundings);
    match context.configuration.isolation {
        IsolationLevel::Sandbox => (plan, variables),
        IsolationLevel::Process => as_seen_by_the_host(spec, plan, variables),
    }
}

/// After a reboot a package is unpacked again, which takes a while: on a thread that serves nobody else meanwhile.
fn code(
    context: &Context,
    version: &RunnableVersion,
) -> Result<(CodeDirectory, Option<CodeDirectory>), StartError> {
    let layers: Vec<_> = version.configuration.layers.iter().map(|layer| layer.code.clone()).collect();
    if layers.is_empty()
        && let Some(code) = context.code.at_hand(&version.code)
    {
        return Ok((code, None));
    }
    let directories = || Ok((context.code.directory(&version.code)?, context.code.layers(&layers)?));
    tokio::task::block_in_place(directories).map_err(StartError::Code)
}

/// How to run the version, whatever its code. Looks at the disk.
pub(crate) fn plan(context: &Context, version: &RunnableVersion) -> Result<RuntimePlan, StartError> {
    let request = PlanRequest {
        runtime: &version.configuration.runtime,
        handler: &version.configuration.handler,
        region: &version.key.region,
    };
    let plan = context.runtimes.plan(&request);
    let mut plan = plan.map_err(|error| StartError::Runtime(error.to_string()))?;
    plan.wrap(wrapper(version));
    Ok(plan)
}

/// The function's wrapper script.
fn wrapper(version: &RunnableVersion) -> Option<&str> {
    version.configuration.environment.as_ref()?.get("AWS_LAMBDA_EXEC_WRAPPER").map(String::as_str)
}

/// The files of `extensions/` in the layers, by name; folders are none.
fn extension_programs(
    spec: &SandboxSpec,
    layers: Option<&Path>,
    isolation: IsolationLevel,
) -> Vec<ExtensionProgram> {
    let folder = layers.map(|layers| layers.join("extensions"));
    let entries = folder.into_iter().flat_map(std::fs::read_dir).flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let folder = match isolation {
        IsolationLevel::Sandbox => PathBuf::from("/opt/extensions"),
        IsolationLevel::Process => spec.path_on_host(Path::new("/opt/extensions")),
    };
    let program = |name: String| ExtensionProgram { program: folder.join(&name).into(), name, process: None };
    names.into_iter().map(program).collect()
}

/// Where the environment logs (G-04): `YYYY/MM/DD/[version]` and 32 hex digits in the function's own group; in one that it may share
/// with others the stream names the function too.
fn log_destination(version: &RunnableVersion) -> LogDestination {
    let (key, date, id) = (&version.key, clock::log_stream_date(), uuid::Uuid::new_v4().simple());
    let version_name = &version.version;
    let (group, stream) = match &version.configuration.logging.log_group {
        Some(group) if *group != key.log_group() => {
            (group.clone(), format!("{date}/{}[{version_name}][{id}]", key.name))
        }
        _ => (key.log_group(), format!("{date}/[{version_name}]{id}")),
    };
    LogDestination { account_id: key.account_id.clone(), region: key.region.clone(), group, stream }
}

/// At level `process` nothing is mounted anywhere: paths inside become the host's own.
fn as_seen_by_the_host(
    spec: &SandboxSpec,
    mut plan: RuntimePlan,
    mut variables: Vec<(String, String)>,
) -> (RuntimePlan, Vec<(String, String)>) {
    let path = |inside: &Path| spec.path_on_host(inside);
    for argument in &mut plan.argv {
        if Path::new(argument).is_absolute() {
            *argument = OsString::from(path(Path::new(argument)));
        }
    }
    plan.working_directory = path(&plan.working_directory);
    for (_, value) in &mut variables {
        if value.starts_with('/') {
            let parts: Vec<String> =
                value.split(':').map(|part| path(Path::new(part)).to_string_lossy().into_owned()).collect();
            *value = parts.join(":");
        }
    }
    (plan, variables)
}
