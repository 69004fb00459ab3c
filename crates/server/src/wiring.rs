//! Where the crates meet: everything is built here, in order, and handed its neighbours.

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_api::{generated::lambda::operations::MODEL, protocol::rest_json};
use execution::{Dependencies, Environments, runtimes::HostRuntimes};
use invocation::Invoker;
use lambda_model::function::{FunctionState, LastUpdateStatus};
use sandbox::{HostReport, IsolationLevel, Launcher, LauncherConfig, Layers, SandboxError};
use store::{OpenOptions, Store, StoreError};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    admin::{Admin, HealthFacts},
    catalog::Catalog,
    configuration::Configuration,
    identity::Defaults,
    lambda_api::LambdaApi,
    listeners::{self, InsideEndpoint},
    metrics::Metrics,
    preparation::Preparation,
    router::Router,
    signed_path::PathSigner,
};

/// A built server that has not begun to accept.
pub(crate) struct Server {
    router: Arc<Router>,
    environments: Arc<Environments>,
    store: Store,
    isolation: IsolationLevel,
    data_dir: PathBuf,
    announcements: Vec<String>,
}

/// Why no server could be built; the text says what to do.
#[derive(Debug)]
pub(crate) enum BuildError {
    /// Another server has the data directory.
    Taken(String),
    /// The host lacks something that the configuration insists on.
    HostLacks(String),
    /// Anything else.
    Failed(String),
}

impl Server {
    /// Opens the store, sweeps what a dead server left, starts the spawner of sandboxes, loads the functions.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub(crate) async fn build(configuration: Configuration, address: SocketAddr) -> Result<Self, BuildError> {
        let store = open_store(&configuration)?;
        let isolation = configuration.execution.isolation;
        let unenforced = check_host(&configuration)?;
        let launcher = start_launcher(&configuration, &store)?;
        let runtimes = Arc::new(HostRuntimes::discover(store.data_dir(), &configuration.runtime_paths));
        let metrics = Arc::new(Metrics::default());
        let inside = Arc::new(InsideEndpoint { router: OnceLock::new() });
        let mut execution = configuration.execution.clone();
        execution.data_dir = store.data_dir().to_owned();
        let environments = Arc::new(Environments::new(
            execution,
            Dependencies {
                launcher,
                runtimes: Arc::clone(&runtimes),
                code: Arc::new(store.code_packages()),
                logs: Arc::new(store.logs()),
                metrics: metrics.clone(),
                endpoint: inside.clone(),
            },
        ));
        let lambda = build_lambda(&configuration, &store, &environments, runtimes, &metrics).await?;
        let announcements = announcements(&configuration, address, &unenforced);
        let admin = Admin {
            health: HealthFacts {
                isolation: isolation_name(isolation),
                data_dir_id: store.data_dir_id().to_owned(),
                unenforced,
                damaged: store.damaged().to_vec(),
            },
            metrics,
            signer: Arc::clone(&lambda.signer),
            logs: store.logs(),
            lambda: Arc::clone(&lambda),
            auth: configuration.auth,
        };
        let defaults = Defaults { account_id: configuration.account_id, region: configuration.region };
        let router = Arc::new(Router { admin, lambda, defaults });
        let _ = inside.router.set(Arc::clone(&router));
        let data_dir = store.data_dir().to_owned();
        Ok(Self { router, environments, store, isolation, data_dir, announcements })
    }

    /// What the operator should know, in sentences.
    pub(crate) fn announcements(&self) -> &[String] {
        &self.announcements
    }

    /// The level's name.
    pub(crate) fn isolation(&self) -> &'static str {
        isolation_name(self.isolation)
    }

    /// Where the data is.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Serves until `stop` completes, then lets what runs end within `drain`.
    pub(crate) async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>, drain: Duration) {
        let (stopping, stopped) = watch::channel(false);
        let serving = tokio::spawn(listeners::serve(listener, Arc::clone(&self.router), stopped, drain));
        stop.await;
        let _ = stopping.send(true);
        let _ = serving.await;
        self.environments.drain(drain).await;
        self.store.close().await;
    }
}

fn open_store(configuration: &Configuration) -> Result<Store, BuildError> {
    let options =
        OpenOptions { data_dir: configuration.data_dir.clone(), ephemeral: configuration.ephemeral };
    Store::open(options).map_err(|error| match error {
        StoreError::Locked { .. } => BuildError::Taken(error.to_string()),
        other => BuildError::Failed(with_causes(&other)),
    })
}

/// What the host cannot enforce, in sentences; refused unless the operator accepts it.
fn check_host(configuration: &Configuration) -> Result<Vec<String>, BuildError> {
    if configuration.execution.isolation == IsolationLevel::Process {
        return Ok(vec!["isolation level process: functions run as ordinary processes of this user, with nothing between them and this machine".into()]);
    }
    let report = HostReport::probe();
    if let Some(missing) = report.missing_for_sandbox() {
        return Err(BuildError::HostLacks(format!(
            "this host cannot isolate functions: {missing} (or start with --isolation process)"
        )));
    }
    if !report.can_enforce_memory() && !allows_unenforced_memory(configuration) {
        return Err(BuildError::HostLacks(memory_refusal("there is no memory controller for it")));
    }
    Ok(report.unenforced())
}

fn start_launcher(configuration: &Configuration, store: &Store) -> Result<Launcher, BuildError> {
    let mut layers = Layers::from(configuration.execution.isolation);
    for name in &configuration.without_layers {
        layers = layers.without(name.parse().map_err(BuildError::Failed)?);
    }
    let run_dir = store.data_dir().join("run");
    let id = store.data_dir_id();
    let lacks = |error: SandboxError| BuildError::HostLacks(with_causes(&error));
    // Under the directory's lock: whatever carries its id is a dead server's.
    let swept = sandbox::sweep(id, &run_dir).map_err(lacks)?;
    tracing::info!(?swept, "swept what an earlier server left");
    let config = LauncherConfig::new(id.to_owned(), run_dir).with_layers(layers);
    let launcher = Launcher::start(config).map_err(lacks)?;
    match launcher.memory_unbounded() {
        Some(why) if !allows_unenforced_memory(configuration) => {
            Err(BuildError::HostLacks(memory_refusal(&why)))
        }
        _ => Ok(launcher),
    }
}

fn allows_unenforced_memory(configuration: &Configuration) -> bool {
    configuration.allow_unenforced.iter().any(|name| name == "memory")
}

fn memory_refusal(why: &str) -> String {
    format!(
        "this host cannot bound the memory of functions ({why}): see lambent doctor, or start with --allow-unenforced memory"
    )
}

/// The error and what it came from, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn build_lambda(
    configuration: &Configuration,
    store: &Store,
    environments: &Arc<Environments>,
    runtimes: Arc<HostRuntimes>,
    metrics: &Arc<Metrics>,
) -> Result<Arc<LambdaApi>, BuildError> {
    let catalog = Arc::new(Catalog::default());
    let preparation = Arc::new(Preparation {
        store: store.clone(),
        catalog: Arc::clone(&catalog),
        environments: environments.clone(),
        runtimes,
        fetch_sdk: configuration.fetch_sdk,
    });
    let records = store.all_functions().await.map_err(|error| BuildError::Failed(error.to_string()))?;
    for record in &records {
        catalog.put(record);
        if record.state == FunctionState::Pending || record.last_update_status == LastUpdateStatus::InProgress
        {
            preparation.begin(record);
        }
    }
    let concurrency = configuration.account_concurrency_max;
    Ok(Arc::new(LambdaApi {
        routes: rest_json::Router::new(&MODEL),
        store: store.clone(),
        invoker: Invoker::new(catalog.clone(), environments.clone(), metrics.clone(), concurrency),
        catalog,
        environments: environments.clone(),
        preparation,
        signer: Arc::new(PathSigner::new()),
        account_concurrency_max: concurrency,
        host_architecture: host_architecture(),
    }))
}

/// The architecture of this build in the words of the API.
fn host_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

fn isolation_name(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::Sandbox => "sandbox",
        IsolationLevel::Process => "process",
    }
}

fn announcements(configuration: &Configuration, address: SocketAddr, unenforced: &[String]) -> Vec<String> {
    let mut lines = vec![format!("listening on http://{address}")];
    lines.extend(unenforced.iter().cloned());
    if configuration.ephemeral {
        lines.push("nothing is kept: all data goes with the server".into());
    }
    lines.extend(
        configuration.without_layers.iter().map(|layer| format!("without the isolation layer {layer}")),
    );
    lines
}
