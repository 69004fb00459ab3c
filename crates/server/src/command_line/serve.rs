//! `lambent serve`: read the configuration, build everything, say where, wait for a signal, drain.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    num::NonZero,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use invocation::AccountLimits;
use lambda_model::{concurrency::Rate, invocation::asynchronous::RetryPolicy, limits};
use sandbox::{Destination, NetworkLevel, NetworkPolicy};
use services::eventbridge::RULES_PER_BUS_DEFAULT;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use super::{CommandError, front::FrontArguments};
use crate::{
    configuration::{Auth, Configuration},
    event_source_mappings::BrokerUrl,
    open_files,
    outside::RelaySettings,
    service_endpoints::ServiceEndpoint,
    tls::TlsFiles,
    topic_rules::MqttBroker,
    wiring::{BuildError, Server},
};

/// Connections that may wait to be taken. Two thousand callers at once overflow the runtime's own 128, and
/// one of them may then wait for minutes; the kernel cuts it to `net.core.somaxconn` (4,096 since Linux 5.4).
const LISTEN_BACKLOG: u32 = 4096;

/// Running invocations and open requests have this long to end after SIGTERM; another signal ends it at once.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What is logged when nobody says: warnings; but the S3 library calls every refused request an error, and what goes wrong with brokers
/// is said once, by who reads from them.
const DEFAULT_FILTER: &str = "warn,s3s=off,lapin=off,krafka=off,rumqttc=off";

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Directory for everything durable.
    #[arg(long, env = "LAMBENT_DATA_DIR", default_value = ".lambent")]
    data_dir: PathBuf,
    /// Keep nothing: the data lives in a temporary directory that goes with the server.
    #[arg(long)]
    ephemeral: bool,
    /// Address to listen on; port 0 takes a free one, printed in the ready line.
    #[arg(long, env = "LAMBENT_LISTEN", default_value = "127.0.0.1:4566")]
    listen: SocketAddr,
    /// Listen on an address that others can reach although every credential is accepted.
    #[arg(long)]
    i_know_anyone_can_run_code: bool,
    /// Account of callers whose access key id is not an account id.
    #[arg(long, env = "LAMBENT_ACCOUNT_ID", default_value = "000000000000", value_parser = account_id)]
    account_id: String,
    /// Region of callers whose signature names none.
    #[arg(long, env = "LAMBENT_REGION", default_value = "us-east-1")]
    region: String,
    /// Whether credentials are verified.
    #[arg(long, env = "LAMBENT_AUTH", default_value = "off")]
    auth: Auth,
    /// Access key of the account's root, which signs the first requests under `--auth enforce`.
    #[arg(long, env = "LAMBENT_ROOT_ACCESS_KEY_ID")]
    root_access_key_id: Option<String>,
    /// Its secret. A command line is seen by others on this machine: better in the environment.
    #[arg(long, env = "LAMBENT_ROOT_SECRET_ACCESS_KEY", hide_env_values = true)]
    root_secret_access_key: Option<String>,
    /// Where a service is that is not to be this server's own, such as s3=https://host:9000; may be repeated. Requests are signed
    /// there with LAMBENT_S3_ACCESS_KEY_ID, _SECRET_ACCESS_KEY, _SESSION_TOKEN and _REGION of the environment.
    #[arg(long = "service-endpoint", env = "LAMBENT_SERVICE_ENDPOINTS", value_delimiter = ',')]
    service_endpoints: Vec<ServiceEndpoint>,
    /// A broker of RabbitMQ that event source mappings name in ARNs of Amazon MQ, such as orders=amqps://host:5671 for
    /// arn:aws:mq:REGION:ACCOUNT:broker:orders:ID; may be repeated. Credentials come from the mapping's secret.
    #[arg(long = "mq-broker", env = "LAMBENT_MQ_BROKERS", value_delimiter = ',')]
    mq_brokers: Vec<BrokerUrl>,
    /// The broker of MQTT whose topics rules of IoT are on, such as mqtts://user:password@host:8883. A command line is seen by others
    /// on this machine: a password is better in the environment.
    #[arg(long, env = "LAMBENT_MQTT_BROKER", hide_env_values = true)]
    mqtt_broker: Option<MqttBroker>,
    /// Where clients reach this server, such as https://lambda.example.com, for addresses in messages of SNS. Without the option:
    /// where it listens.
    #[arg(long, env = "LAMBENT_PUBLIC_URL", value_parser = public_url)]
    public_url: Option<String>,
    /// Relay for the mails of SNS, such as smtps://user:password@host or smtp://host:25. Without one, mails are only kept to be read.
    #[arg(long, env = "LAMBENT_MAIL_RELAY", hide_env_values = true, requires = "mail_from")]
    mail_relay: Option<String>,
    /// Address that those mails come from.
    #[arg(long, env = "LAMBENT_MAIL_FROM")]
    mail_from: Option<String>,
    /// Certificate for HTTPS, PEM, with those that signed it; read again when it changes. Without one, the server makes one of its own, which
    /// `/_lambent/certificate` gives.
    #[arg(long, env = "LAMBENT_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long, env = "LAMBENT_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Do not tell functions of this server's AWS endpoint: their SDKs then go to AWS, except for mapped services.
    #[arg(long, env = "LAMBENT_NO_ENDPOINT_URL")]
    no_endpoint_url: bool,
    /// Isolation of execution environments.
    #[arg(long, env = "LAMBENT_ISOLATION", default_value = "sandbox")]
    isolation: Isolation,
    /// CPU of an environment: a fair share in proportion to memory, or a hard cap.
    #[arg(long, env = "LAMBENT_CPU", default_value = "shares")]
    cpu: Cpu,
    /// What of the network functions reach: nothing but this server, the internet without private networks and this machine, or
    /// all that this machine reaches. Without the option: the internet where the machine can do that, else nothing.
    #[arg(long, env = "LAMBENT_NETWORK")]
    network: Option<NetworkLevel>,
    /// Reached besides, such as 10.0.0.5:5432, 10.1.0.0/16 or host:5432 (this machine's loopback, by the name
    /// host.lambent.internal); may be repeated.
    #[arg(long, env = "LAMBENT_NETWORK_ALLOW", value_delimiter = ',')]
    network_allow: Vec<Destination>,
    /// Level and allow-list of one function instead of the server's, such as orders=none,10.0.0.5:5432; may be repeated.
    #[arg(long = "function-network", value_parser = function_network)]
    function_networks: Vec<(String, NetworkPolicy)>,
    /// Concurrent executions of an account in a Region.
    #[arg(long, env = "LAMBENT_CONCURRENCY", default_value_t = limits::ACCOUNT_CONCURRENCY_DEFAULT)]
    concurrency: u32,
    /// Requests per second for each unit of concurrency.
    #[arg(long, env = "LAMBENT_REQUEST_RATE", default_value_t = limits::REQUESTS_PER_SECOND_AND_CONCURRENCY_DEFAULT)]
    request_rate: u32,
    /// Rules of an event bus.
    #[arg(long, env = "LAMBENT_RULES_PER_BUS", default_value_t = RULES_PER_BUS_DEFAULT)]
    rules_per_bus: usize,
    #[command(flatten)]
    front: FrontArguments,
    /// Environments that a function may start at once.
    #[arg(long, env = "LAMBENT_SCALING_BURST", default_value_t = limits::SCALING_BURST_DEFAULT)]
    scaling_burst: u32,
    /// Environments that a function may start each second beyond that.
    #[arg(long, env = "LAMBENT_SCALING_RATE", default_value_t = limits::SCALING_PER_SECOND_DEFAULT)]
    scaling_rate: u32,
    /// Bytes of a streamed response that go as fast as the caller reads.
    #[arg(long, env = "LAMBENT_STREAMING_BURST", default_value_t = limits::STREAMING_BURST_BYTES_DEFAULT, value_parser = streaming_bytes())]
    streaming_burst: u32,
    /// Bytes a second of a streamed response beyond that.
    #[arg(long, env = "LAMBENT_STREAMING_RATE", default_value_t = limits::STREAMING_BYTES_PER_SECOND_DEFAULT, value_parser = streaming_bytes())]
    streaming_rate: u32,
    /// Execution environments at a time, all functions together.
    #[arg(long, default_value_t = 5_000)]
    environments_max: usize,
    /// Memory of the host that must stay available for another environment to start, MB.
    #[arg(long, default_value_t = 512)]
    memory_reserve_mb: u64,
    /// Room that must stay free on the data directory's file system for another environment to start, MB.
    #[arg(long, default_value_t = 1_024)]
    disk_reserve_mb: u64,
    /// Sandboxes built before anybody asks for them, with a runtime that waits: as many as recent starts call for, this many at most.
    #[arg(long, default_value_t = limits::PREPARED_SANDBOXES_DEFAULT)]
    prepared_sandboxes: usize,
    /// Keep this machine's processors from halting while invocations follow each other closely: wake-ups take half of a small invocation's
    /// time. All that are idle look for work then; auto does so where there are no more than four.
    #[arg(long, env = "LAMBENT_AWAKE", default_value = "auto")]
    awake: Awake,
    /// Retire an environment that was idle this long, seconds.
    #[arg(long, default_value_t = limits::IDLE_RETIREMENT_MS_DEFAULT / 1000)]
    idle_retirement_seconds: u64,
    /// Let an environment of this age take no further event, seconds; its credentials last 12 hours.
    #[arg(long, default_value_t = limits::ENVIRONMENT_LIFETIME_MS / 1000, value_parser = clap::value_parser!(u64).range(1..=limits::ENVIRONMENT_LIFETIME_MS / 1000))]
    environment_lifetime_seconds: u64,
    /// The wait after the first error of an asynchronous invocation, seconds; after the second it is twice as long.
    #[arg(long, env = "LAMBENT_ASYNC_RETRY_WAIT_SECONDS", default_value_t = limits::ASYNC_RETRY_WAIT_SECONDS_DEFAULT, value_parser = clap::value_parser!(u32).range(..=21_600))]
    async_retry_wait_seconds: u32,
    /// Kill this process the nth time that it comes to a labelled point: `LABEL=N`. For the crash tests, and not in a release.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_parser = super::crash_points::parse)]
    crash_at: Option<super::crash_points::CrashAt>,
    /// Interpreter of a runtime, such as python3.8=/opt/python3.8/bin/python3.8; may be repeated.
    #[arg(long = "runtime-path", value_parser = runtime_path)]
    runtime_paths: Vec<(String, PathBuf)>,
    /// Do not fetch the AWS SDK of a runtime when a function first needs it.
    #[arg(long, env = "LAMBENT_NO_SDK")]
    no_sdk: bool,
    /// Keep settings that have no effect here (VPC, file systems, SnapStart, container images) instead of refusing them.
    #[arg(long, env = "LAMBENT_ACCEPT_INERT_SETTINGS")]
    accept_inert_settings: bool,
    /// Keep functions for an architecture that is not this machine's instead of refusing them.
    #[arg(long, env = "LAMBENT_ALLOW_FOREIGN_ARCHITECTURE")]
    allow_foreign_architecture: bool,
    /// Start although the host cannot enforce this (memory).
    #[arg(long)]
    allow_unenforced: Vec<String>,
    /// Take a layer of isolation away, to prove that an attack needs it. For tests.
    #[arg(long, hide = true)]
    without_layer: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Isolation {
    Sandbox,
    Process,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Cpu {
    Shares,
    Quota,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Awake {
    Auto,
    Always,
    Never,
}

fn account_id(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then(|| text.to_owned()).ok_or_else(|| "an account id has twelve digits".into())
}

fn public_url(text: &str) -> Result<String, String> {
    let is_right = ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|host| !host.trim_end_matches('/').is_empty() && !host.contains(['?', '#']))
    });
    is_right.then(|| text.to_owned()).ok_or_else(|| "expected http://HOST or https://HOST".into())
}

fn streaming_bytes() -> clap::builder::RangedI64ValueParser<u32> {
    let range = i64::from(limits::STREAMING_BYTES_MIN)..=i64::from(limits::STREAMING_BYTES_MAX);
    clap::value_parser!(u32).range(range)
}

fn runtime_path(text: &str) -> Result<(String, PathBuf), String> {
    let (runtime, path) = text.split_once('=').ok_or("expected RUNTIME=PATH, such as python3.8=/path")?;
    Ok((runtime.to_owned(), PathBuf::from(path)))
}

fn function_network(text: &str) -> Result<(String, NetworkPolicy), String> {
    let (name, policy) = text.split_once('=').ok_or("expected FUNCTION=LEVEL[,DESTINATION...]")?;
    let mut words = policy.split(',');
    let level = words.next().unwrap_or_default().parse()?;
    let allow = words.map(str::parse).collect::<Result<_, _>>()?;
    Ok((name.to_owned(), NetworkPolicy { level, allow }))
}

/// Runs the server until a signal.
pub(super) fn run(arguments: ServeArguments) -> Result<(), CommandError> {
    start_log(&arguments);
    let environments_max = open_files::raise_limit();
    let mut configuration = configuration(arguments)?;
    let budgets = &mut configuration.execution.budgets;
    budgets.environments_max = budgets.environments_max.min(environments_max);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads())
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("no threads: {error}")))?;
    runtime.block_on(serve(configuration))
}

/// Half of the processors, the other half is for functions: what passes from one worker to another costs an invocation more than a second
/// worker saves it (docs/performance.md). The variable is tokio's own.
fn worker_threads() -> usize {
    let asked =
        std::env::var("TOKIO_WORKER_THREADS").ok().and_then(|text| text.parse::<NonZero<usize>>().ok());
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    asked.map_or((processors / 2).max(1), NonZero::get)
}

/// Who kills this process at a labelled point; nobody in a release.
#[cfg(debug_assertions)]
fn crash_points<S>(arguments: &ServeArguments) -> Option<impl Layer<S> + use<S>>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    arguments.crash_at.clone().map(super::crash_points::layer)
}

#[cfg(not(debug_assertions))]
fn crash_points(_: &ServeArguments) -> Option<tracing_subscriber::filter::LevelFilter> {
    None
}

fn start_log(arguments: &ServeArguments) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAMBENT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(DEFAULT_FILTER));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(log).with(crash_points(arguments)).init();
}

fn configuration(arguments: ServeArguments) -> Result<Configuration, CommandError> {
    check_listen(&arguments)?;
    let root_key = arguments.root_access_key_id.clone().zip(arguments.root_secret_access_key.clone());
    if arguments.auth == Auth::Enforce && root_key.is_none() {
        return Err(CommandError::Failed(
            "--auth enforce needs a first key to sign with: set LAMBENT_ROOT_ACCESS_KEY_ID and LAMBENT_ROOT_SECRET_ACCESS_KEY"
                .into(),
        ));
    }
    let service_endpoints = service_endpoints(&arguments)?;
    let execution = execution(&arguments, &service_endpoints);
    let network_is_wanted = arguments.network.is_some()
        || !arguments.network_allow.is_empty()
        || !arguments.function_networks.is_empty();
    if network_is_wanted && matches!(arguments.isolation, Isolation::Process) {
        return Err(CommandError::Failed(
            "with --isolation process functions have the network of this machine: no --network, --network-allow, --function-network"
                .into(),
        ));
    }
    Ok(Configuration {
        data_dir: arguments.data_dir,
        ephemeral: arguments.ephemeral,
        listen: arguments.listen,
        account_id: arguments.account_id,
        region: arguments.region,
        auth: arguments.auth,
        root_key,
        account_limits: AccountLimits {
            concurrency_max: arguments.concurrency,
            requests_per_second: arguments.request_rate,
        },
        rules_per_bus: arguments.rules_per_bus,
        connections: arguments.front.connections(),
        integration_timeout: arguments.front.integration_timeout(),
        websockets: arguments.front.websockets(),
        retry_policy: RetryPolicy {
            error_wait_ms: i64::from(arguments.async_retry_wait_seconds) * 1_000,
            ..RetryPolicy::default()
        },
        accept_inert_settings: arguments.accept_inert_settings,
        allow_foreign_architecture: arguments.allow_foreign_architecture,
        runtime_paths: arguments.runtime_paths,
        allow_unenforced: arguments.allow_unenforced,
        without_layers: arguments.without_layer,
        fetch_sdk: !arguments.no_sdk,
        service_endpoints,
        mq_brokers: arguments.mq_brokers,
        mqtt_broker: arguments.mqtt_broker,
        public_url: arguments.public_url,
        mail_relay: arguments
            .mail_relay
            .zip(arguments.mail_from)
            .map(|(url, from)| RelaySettings { url, from }),
        tls_files: arguments
            .tls_certificate
            .zip(arguments.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        network_is_wanted,
        execution,
    })
}

/// Every service elsewhere, with what the environment says of it.
fn service_endpoints(arguments: &ServeArguments) -> Result<Vec<ServiceEndpoint>, CommandError> {
    let endpoints = arguments.service_endpoints.iter().cloned();
    let settings = |name: &str| std::env::var(name).ok();
    endpoints.map(|endpoint| endpoint.with_settings(settings).map_err(CommandError::Failed)).collect()
}

fn execution(arguments: &ServeArguments, elsewhere: &[ServiceEndpoint]) -> execution::Configuration {
    let isolation = match arguments.isolation {
        Isolation::Sandbox => sandbox::IsolationLevel::Sandbox,
        Isolation::Process => sandbox::IsolationLevel::Process,
    };
    execution::Configuration {
        isolation,
        cpu: match arguments.cpu {
            Cpu::Shares => execution::CpuPolicy::Shares,
            Cpu::Quota => execution::CpuPolicy::Quota,
        },
        budgets: execution::Budgets {
            environments_max: arguments.environments_max,
            memory_reserve_bytes: arguments.memory_reserve_mb << 20,
            disk_reserve_bytes: arguments.disk_reserve_mb << 20,
        },
        scaling: Rate {
            burst: f64::from(arguments.scaling_burst),
            per_second: f64::from(arguments.scaling_rate),
        },
        endpoint_variables: endpoint_variables(arguments, elsewhere),
        streaming: Rate {
            burst: f64::from(arguments.streaming_burst),
            per_second: f64::from(arguments.streaming_rate),
        },
        prepared_sandboxes: arguments.prepared_sandboxes,
        awake: match arguments.awake {
            Awake::Auto => execution::AwakePolicy::Few,
            Awake::Always => execution::AwakePolicy::Always,
            Awake::Never => execution::AwakePolicy::Never,
        },
        idle_retirement: Duration::from_secs(arguments.idle_retirement_seconds.max(1)),
        environment_lifetime: Duration::from_secs(arguments.environment_lifetime_seconds),
        networks: execution::Networks {
            policy: NetworkPolicy {
                level: arguments.network.unwrap_or(NetworkLevel::Internet),
                allow: arguments.network_allow.clone(),
            },
            of_functions: arguments.function_networks.iter().cloned().collect(),
        },
        data_dir: arguments.data_dir.clone(),
    }
}

fn endpoint_variables(arguments: &ServeArguments, elsewhere: &[ServiceEndpoint]) -> Vec<String> {
    let all = (!arguments.no_endpoint_url).then(|| "AWS_ENDPOINT_URL".to_owned());
    all.into_iter().chain(elsewhere.iter().flat_map(ServiceEndpoint::variables)).collect()
}

/// Whoever reaches a server that accepts any credentials can run code on it.
fn check_listen(arguments: &ServeArguments) -> Result<(), CommandError> {
    let is_loopback = match arguments.listen.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    if is_loopback || arguments.auth == Auth::Enforce || arguments.i_know_anyone_can_run_code {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "with --auth off, whoever reaches {} can run code here: listen on 127.0.0.1, or insist with --i-know-anyone-can-run-code",
        arguments.listen
    )))
}

async fn serve(configuration: Configuration) -> Result<(), CommandError> {
    let connections = configuration.connections;
    let listener = bind(configuration.listen).map_err(|error| bind_error(configuration.listen, &error))?;
    let address = listener.local_addr().map_err(|error| CommandError::Failed(error.to_string()))?;
    let server = Server::build(configuration, address).await.map_err(|error| match error {
        BuildError::Taken(text) => CommandError::Taken(text),
        BuildError::HostLacks(text) => CommandError::HostLacks(text),
        BuildError::Failed(text) => CommandError::Failed(text),
    })?;
    for line in server.announcements() {
        eprintln!("lambent: {line}");
    }
    print_ready_line(&server, address)?;
    server.run((listener, connections), stop_signal(), stop_signal(), DRAIN_TIMEOUT).await;
    Ok(())
}

/// Listens with room for a burst of [`LISTEN_BACKLOG`] connections. The address of a server that
/// has just died is taken over at once.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

fn bind_error(address: SocketAddr, error: &std::io::Error) -> CommandError {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => CommandError::Taken(format!(
            "{address} is taken: stop what listens there, or choose another address with --listen (port 0 takes a free one)"
        )),
        std::io::ErrorKind::PermissionDenied => CommandError::HostLacks(format!(
            "no right to listen on {address}: choose a port above 1023 with --listen"
        )),
        _ => CommandError::Failed(format!("cannot listen on {address}: {error}")),
    }
}

/// One line of JSON on standard output, for whoever started us.
fn print_ready_line(server: &Server, address: SocketAddr) -> Result<(), CommandError> {
    let line = serde_json::json!({
        "event": "ready",
        "endpoint": format!("http://{address}"),
        "pid": std::process::id(),
        "isolation": server.isolation(),
        "data_dir": server.data_dir(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| CommandError::Failed(error.to_string()))
}

/// Completes at SIGTERM or SIGINT.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
