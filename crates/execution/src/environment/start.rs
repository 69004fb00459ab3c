//! Making an environment: its sandbox, its listeners, what its processes will find around them.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
};

use lambda_model::{
    LambdaError,
    environment::Phase,
    limits,
    ports::{CodeDirectory, LogDestination, RunnableVersion},
};
use sandbox::{
    Bind, Cpu, EphemeralStorage, IsolationLevel, Limits, NetworkPolicy, Sandbox, SandboxSpec, SandboxUser,
};
use tokio::net::UnixStream;

use super::{
    Environment,
    log_capture::{LogCapture, LogFormat},
    name_server::{self, NameServer},
    processes::ExtensionProgram,
    xray::XrayDaemon,
};
use crate::{
    budget::Room,
    clock,
    configuration::CpuPolicy,
    context::Context,
    environment_api::EnvironmentApi,
    extensions_api::FunctionMetadata,
    runtimes::{PlanRequest, RuntimePlan},
    telemetry_api::Telemetry,
    uids::Uid,
    variables::{self, InitializationType},
};

/// Recorded on Lambda: `AWS_LAMBDA_RUNTIME_API` is 169.254.100.1:9001.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 100, 1);
const RUNTIME_API_PORT: u16 = 9_001;
/// Recorded on Lambda: `AWS_XRAY_DAEMON_ADDRESS` is 169.254.100.1:2000 (Z-02).
const XRAY_PORT: u16 = 2_000;
/// Where the AWS endpoint of this server is inside an environment.
const ENDPOINT_PORT: u16 = 4_566;

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
        let id = context.next_id();
        let uid = context.uids.take();
        let (code, layers) = code(&context, &version).await?;
        let opt = layers.as_ref().map(|layers| layers.path.as_path());
        let plan = plan(&context, &version, (&code.path, opt))?;
        let spec = specify(&context, &version, &plan, (&code.path, opt), id, &uid);
        let (mut sandbox, Doors { runtime_api, endpoint, xray, names }) =
            create_sandbox(&context, &spec).await?;
        let addresses = variables::Addresses {
            runtime_api: runtime_api.local_addr()?,
            endpoint: endpoint.local_addr()?,
            xray: xray.local_addr()?,
        };
        let names =
            names.map(|socket| NameServer::serve(socket, Arc::clone(&context.resolver))).transpose()?;
        let xray = XrayDaemon::serve(xray, Arc::clone(&context.traces), &version)?;
        let log_to = log_destination(&version);
        let log_format = LogFormat::of(&version.configuration.logging);
        let surroundings = (&*log_to.stream, addresses, initialization);
        let (plan, variables) = seen_by_processes(&context, &version, &spec, plan, surroundings);
        let streaming = context.configuration.streaming;
        let (telemetry, subscriptions) = Telemetry::new();
        let telemetry = Arc::new(telemetry);
        let function = function_metadata(&version);
        let (api, events) = EnvironmentApi::serve(runtime_api, streaming, function, Arc::clone(&telemetry))?;
        let log = LogCapture::new(Arc::clone(&context.logs), (log_to, log_format), telemetry);
        let extensions = extension_programs(&spec, opt, context.configuration.isolation);
        Ok(Self {
            id,
            control: control(&mut sandbox)?,
            has_exits: false,
            _endpoint: context.endpoint.serve(endpoint),
            xray,
            version,
            context,
            plan,
            variables,
            sandbox,
            names,
            api,
            events,
            log,
            subscriptions,
            process: None,
            extensions,
            initialization,
            instance_id: uuid::Uuid::new_v4().simple().to_string(),
            phase: Phase::Starting,
            unreported_init_us: None,
            frozen: false,
            born: tokio::time::Instant::now(),
            _code: (code.lease, layers.map(|layers| layers.lease)),
            _uid: uid,
            _room: room,
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

/// Where an environment's processes reach this server.
struct Doors {
    runtime_api: TcpListener,
    endpoint: TcpListener,
    xray: UdpSocket,
    names: Option<UdpSocket>,
}

/// The sandbox and its doors.
async fn create_sandbox(context: &Context, spec: &SandboxSpec) -> Result<(Sandbox, Doors), StartError> {
    let mut sandbox = {
        // A failed acquire means that the semaphore was closed, which nobody does.
        let _permit = context.starts.acquire().await.ok();
        let (launcher, spec) = (Arc::clone(&context.launcher), spec.clone());
        tokio::task::spawn_blocking(move || launcher.create(&spec)).await??
    };
    let mut listeners = sandbox.take_listeners().into_iter();
    let runtime_api = listeners.next().ok_or_else(missing_listener)?;
    let endpoint = listeners.next().ok_or_else(missing_listener)?;
    let mut datagrams = sandbox.take_datagram_sockets().into_iter();
    let xray = datagrams.next().ok_or_else(missing_listener)?;
    Ok((sandbox, Doors { runtime_api, endpoint, xray, names: datagrams.next() }))
}

/// The sandbox's control descriptor, for the reactor only: what comes is read by the sandbox.
fn control(sandbox: &mut Sandbox) -> std::io::Result<Arc<UnixStream>> {
    sandbox.watched_by(|descriptor| {
        let stream = std::os::unix::net::UnixStream::from(descriptor);
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    })
}

fn missing_listener() -> StartError {
    StartError::Descriptors(std::io::Error::other("the sandbox handed over no listener"))
}

/// After a reboot a package is unpacked again, which takes a while: not on a thread that serves others.
async fn code(
    context: &Context,
    version: &RunnableVersion,
) -> Result<(CodeDirectory, Option<CodeDirectory>), StartError> {
    let (packages, version) = (Arc::clone(&context.code), version.clone());
    let directories = tokio::task::spawn_blocking(move || {
        let layers = version.configuration.layers.iter().map(|layer| layer.code.clone());
        let layers = packages.layers(&layers.collect::<Vec<_>>())?;
        Ok((packages.directory(&version.code)?, layers))
    });
    directories.await?.map_err(StartError::Code)
}

fn plan(
    context: &Context,
    version: &RunnableVersion,
    (code, layers): (&Path, Option<&Path>),
) -> Result<RuntimePlan, StartError> {
    let request = PlanRequest {
        runtime: &version.configuration.runtime,
        handler: &version.configuration.handler,
        region: &version.key.region,
    };
    let plan = context.runtimes.plan(&request);
    let mut plan = plan.map_err(|error| StartError::Runtime(error.to_string()))?;
    plan.wrap(wrapper(version));
    plan.look_for_bootstrap(code, layers);
    Ok(plan)
}

/// The function's wrapper script.
fn wrapper(version: &RunnableVersion) -> Option<&str> {
    version.configuration.environment.as_ref()?.get("AWS_LAMBDA_EXEC_WRAPPER").map(String::as_str)
}

/// What extensions learn when they register.
fn function_metadata(version: &RunnableVersion) -> FunctionMetadata {
    FunctionMetadata {
        name: version.key.name.clone(),
        version: version.version.clone(),
        handler: version.configuration.handler.clone(),
        account_id: version.key.account_id.clone(),
    }
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

/// What to isolate (semantics B.20).
fn specify(
    context: &Context,
    version: &RunnableVersion,
    plan: &RuntimePlan,
    (code, layers): (&Path, Option<&Path>),
    id: u64,
    uid: &Uid,
) -> SandboxSpec {
    let settings = &version.configuration;
    let mut binds: Vec<Bind> = plan
        .binds
        .iter()
        .map(|bind| Bind { source: bind.source.clone(), target: bind.target.clone() })
        .collect();
    binds.push(Bind { source: code.to_owned(), target: "/var/task".into() });
    binds.extend(layers.map(|layers| Bind { source: layers.to_owned(), target: "/opt".into() }));
    // At level `process` it is the machine's own, whatever the policy.
    let network = match context.configuration.isolation {
        IsolationLevel::Sandbox => context.configuration.networks.of(&version.key.name).clone(),
        IsolationLevel::Process => NetworkPolicy::default(),
    };
    let name_server = network.has_names().then_some(name_server::PORT);
    SandboxSpec {
        id: format!("env-{id}"),
        hostname: "169-254-100-1".into(),
        user: SandboxUser { uid: uid.id(), gid: uid.id(), name: uid.name() },
        binds,
        masks: plan.masks.clone(),
        symlinks: Vec::new(),
        directories: if layers.is_some() { Vec::new() } else { vec![PathBuf::from("/opt")] },
        ephemeral_storage: ephemeral_storage(settings.ephemeral_storage_mb),
        limits: Limits {
            memory_bytes: positive(settings.memory_size_mb) << 20,
            cpu: cpu(context.configuration.cpu, settings.memory_size_mb),
            processes_max: limits::PROCESSES_MAX.into(),
            open_files_max: limits::OPEN_FILES_MAX,
        },
        address: ADDRESS,
        listen_ports: vec![RUNTIME_API_PORT, ENDPOINT_PORT],
        datagram_ports: std::iter::once(XRAY_PORT).chain(name_server).collect(),
        accepted_ports: name_server.into_iter().collect(),
        network,
    }
}

fn ephemeral_storage(size_mb: i64) -> EphemeralStorage {
    let size_mb = positive(size_mb);
    EphemeralStorage { bytes: size_mb << 20, inodes: size_mb * limits::EPHEMERAL_STORAGE_INODES_PER_MB }
}

/// 1,769 MB are one vCPU (N-04).
fn cpu(policy: CpuPolicy, memory_size_mb: i64) -> Cpu {
    let milli_vcpus = positive(memory_size_mb) * 1_000 / limits::MEMORY_SIZE_MB_PER_VCPU;
    let milli_vcpus = u32::try_from(milli_vcpus.max(1)).unwrap_or(u32::MAX);
    match policy {
        CpuPolicy::Shares => Cpu::Shares { milli_vcpus },
        CpuPolicy::Quota => Cpu::Quota { milli_vcpus },
    }
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
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
