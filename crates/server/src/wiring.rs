//! Where the crates meet: everything is built here, in order, and handed its neighbours.

mod followers;
mod front;
mod host;
mod outside;

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use aws_api::{generated::lambda::operations::MODEL, protocol::rest_json};
use execution::{Dependencies, Environments, runtimes::HostRuntimes};
use invocation::{AsyncInvoker, Invoker, asynchronous::AsyncParts};
use lambda_model::{
    credentials::{Credentials, RoleCredentials},
    error::with_causes,
};
use sandbox::{IsolationLevel, Launcher};
use services::{
    credentials::{KnownCredentials, RootKey},
    dynamodb::DynamoDb,
    iam::{Directory, Iam, MissingRoles},
    kinesis::Kinesis,
    logs::{CloudWatchLogs, subscriptions},
    secretsmanager::SecretsManager,
    sns::Sns,
    sts::{FunctionCredentials, Sessions, Sts},
};
use store::{CommitObserver, DataDir, OpenOptions, Store, StoreError};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};

use crate::{
    admin::{Admin, HealthFacts},
    authentication::Authentication,
    catalog::Catalog,
    configuration::{Auth, Configuration},
    deployment::Deployment,
    identity::Defaults,
    lambda_api::LambdaApi,
    listeners::{self, Doors, InsideEndpoint},
    metrics::Metrics,
    preparation::Preparation,
    rest_json_api::RestJsonApi,
    router::{Entrance, Router},
    s3_api::S3Api,
    service_endpoints::ServiceEndpoints,
    signed_path::PathSigner,
    subscribed_functions::InvokedFunctions,
    tls::Tls,
    waiting,
};

use followers::{Followers, Services};
use front::{connect, in_front};
use host::start_launcher;
use outside::{links, ways_out};

/// How long idle environments have to be taken down, however long what ran before has taken.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A built server that has not begun to accept.
pub(crate) struct Server {
    router: Arc<Router>,
    environments: Arc<Environments>,
    store: Store,
    isolation: IsolationLevel,
    data_dir: PathBuf,
    announcements: Vec<String>,
    stopping: watch::Sender<bool>,
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
    pub(crate) async fn build(
        mut configuration: Configuration,
        address: SocketAddr,
    ) -> Result<Self, BuildError> {
        let catalog = Arc::new(Catalog::new(configuration.retry_policy));
        let (deployment, follow_ups) = Deployment::new(Arc::clone(&catalog));
        let followers = Followers::new(Directory::new(missing_roles(configuration.auth)));
        let observers = followers.observers(deployment.clone());
        let (store, (launcher, unenforced)) = open_store_and_launcher(&mut configuration, observers)?;
        let identity = Identity::open(&store, followers.directory.clone()).await?;
        let elsewhere = elsewhere(&configuration, address)?;
        let parts = EnvironmentParts::new(launcher, &configuration, &store, &identity);
        let (stopping, stopped) = watch::channel(false);
        let preparation = Arc::new(preparation(&configuration, &store, &parts));
        let announcements = announcements(&configuration, address, &unenforced);
        let (metrics, inside) = (Arc::clone(&parts.metrics), Arc::clone(&parts.inside));
        let environments = build_environments(&configuration, &store, parts);
        tokio::spawn(follow_ups.run(environments.clone(), Arc::clone(&preparation)));
        deployment.load_documents(&store).await.map_err(failed)?;
        let around = (&catalog, &elsewhere, address);
        let services = open_services(&configuration, &store, followers, around).await?;
        let lambda = Arc::new(build_lambda(
            &configuration,
            &store,
            catalog,
            &environments,
            &metrics,
            Arc::clone(&preparation.runtimes),
            (&identity, &services),
        ));
        let Services { s3, sns, sqs, events, scheduler, iot, front, ways_out, queues, .. } = services;
        waiting::resume(&store, &lambda, &metrics, queues).await.map_err(failed)?;
        let health = health_facts(&configuration, &store, unenforced);
        let admin = build_admin(
            health,
            &store,
            (metrics, sns.clone(), &lambda),
            (configuration.auth, &identity, tls(&configuration, &store)?),
            stopped,
        );
        let (credentials, authentication) = proving(&configuration, &identity);
        let (iam, sts) = (Iam::new(store.clone()), Sts::new(identity.sessions, identity.directory));
        let (gateway, gateways) =
            in_front((front, ways_out), &configuration, (&store, &lambda, &iam), &elsewhere);
        let router = Arc::new(Router {
            logs: start_logs(&store, &lambda),
            admin,
            apigateway: RestJsonApi::new(gateways.0, "ValidationException").naming_inputs(),
            apigatewayv2: RestJsonApi::new(gateways.1, "BadRequestException"),
            gateway,
            lambda,
            iam,
            s3: S3Api { service: s3.into_http_service() },
            sts,
            dynamodb: DynamoDb::new(&store),
            kinesis: Kinesis::new(&store),
            events,
            scheduler: RestJsonApi::new(scheduler, "ValidationException"),
            iot: RestJsonApi::new(iot, "InvalidRequestException"),
            secrets: SecretsManager::new(&store),
            sns,
            sqs,
            elsewhere,
            defaults: defaults(&configuration, credentials),
            authentication,
        });
        connect(&router, &inside);
        let (isolation, data_dir) = (configuration.execution.isolation, store.data_dir().to_owned());
        Ok(Self { router, environments, store, isolation, data_dir, announcements, stopping })
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

    /// Serves as many connections at a time until `stop` completes, then lets what runs end within `drain`, or until `hurry` completes.
    pub(crate) async fn run(
        self,
        (listener, connections): (TcpListener, usize),
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
        drain: Duration,
    ) {
        let doors = Doors {
            router: Arc::clone(&self.router),
            entrance: Entrance::Own,
            places: Arc::new(Semaphore::new(connections)),
            stop: self.stopping.subscribe(),
            tls: Some(Arc::clone(&self.router.admin.tls)),
        };
        let serving = tokio::spawn(listeners::serve(listener, doors, drain));
        stop.await;
        let deadline = Instant::now() + drain;
        let _ = self.stopping.send(true);
        self.router.sqs.stop();
        self.router.lambda.async_invoker.stop();
        self.router.gateway.close_connections();
        let end = async {
            let _ = timeout_at(deadline, self.router.lambda.mappings.stop()).await;
            let _ = serving.await;
            self.router.lambda.async_invoker.ended(deadline).await;
            let left = deadline.saturating_duration_since(Instant::now());
            self.environments.drain(left.max(TEARDOWN_TIMEOUT)).await;
        };
        tokio::select! {
            () = end => {}
            () = hurry => tracing::warn!("a second signal: what still runs is cut off"),
        }
        self.environments.close().await;
        self.store.close().await;
    }
}

/// An error that keeps the server from being built.
fn failed(error: impl std::error::Error) -> BuildError {
    BuildError::Failed(with_causes(&error))
}

fn build_admin(
    health: HealthFacts,
    store: &Store,
    (metrics, sns, lambda): (Arc<Metrics>, Sns, &Arc<LambdaApi>),
    (auth, identity, tls): (Auth, &Identity, Arc<Tls>),
    stopped: watch::Receiver<bool>,
) -> Admin {
    let (sessions, lambda) = (Arc::clone(&identity.sessions), Arc::clone(lambda));
    Admin { health, metrics, sns, logs: store.logs(), lambda, auth, sessions, tls, stopped }
}

/// Certificates of the listener.
fn tls(configuration: &Configuration, store: &Store) -> Result<Arc<Tls>, BuildError> {
    let files = configuration.tls_files.clone();
    let tls = Tls::new(store.clone(), files, &configuration.region).map_err(BuildError::Failed);
    tls.map(Arc::new)
}

fn health_facts(configuration: &Configuration, store: &Store, unenforced: Vec<String>) -> HealthFacts {
    HealthFacts {
        isolation: isolation_name(configuration.execution.isolation),
        data_dir_id: store.data_dir_id().to_owned(),
        unenforced,
    }
}

/// Who makes functions ready to run.
fn preparation(configuration: &Configuration, store: &Store, parts: &EnvironmentParts) -> Preparation {
    let (store, runtimes) = (store.clone(), Arc::clone(&parts.runtimes));
    Preparation { store, runtimes, fetch_sdk: configuration.fetch_sdk }
}

/// The service, and the task that brings new events to the functions that wait for them.
fn start_logs(store: &Store, lambda: &LambdaApi) -> CloudWatchLogs {
    let subscribed = InvokedFunctions { invoker: Arc::clone(&lambda.invoker) };
    tokio::spawn(subscriptions::run(store.logs(), Arc::new(subscribed)));
    CloudWatchLogs::new(store.logs())
}

/// What environments are built from beside the store.
struct EnvironmentParts {
    launcher: Launcher,
    runtimes: Arc<HostRuntimes>,
    metrics: Arc<Metrics>,
    inside: Arc<InsideEndpoint>,
    credentials: Arc<dyn RoleCredentials>,
}

impl EnvironmentParts {
    fn new(launcher: Launcher, configuration: &Configuration, store: &Store, identity: &Identity) -> Self {
        Self {
            launcher,
            runtimes: Arc::new(HostRuntimes::discover(store.data_dir(), &configuration.runtime_paths)),
            metrics: Arc::default(),
            inside: Arc::new(InsideEndpoint { router: OnceLock::new() }),
            credentials: identity.function_credentials(),
        }
    }
}

/// The two that take longest, one beside the other.
fn open_store_and_launcher(
    configuration: &mut Configuration,
    observer: Arc<dyn CommitObserver>,
) -> Result<(Store, (Launcher, Vec<String>)), BuildError> {
    let options =
        OpenOptions { data_dir: configuration.data_dir.clone(), ephemeral: configuration.ephemeral };
    let directory = DataDir::open(&options).map_err(|error| match error {
        StoreError::Locked { .. } => BuildError::Taken(error.to_string()),
        other => failed(other),
    })?;
    let (run_dir, id) = (directory.path().join("run"), directory.id().to_owned());
    let runtime = tokio::runtime::Handle::current();
    thread::scope(|scope| {
        let store = scope.spawn(move || {
            let _inside = runtime.enter();
            Store::open(directory, observer).map_err(failed)
        });
        // On the thread that stays: what a launcher starts ends with who started it.
        let launcher = start_launcher(configuration, run_dir, &id);
        let store = store.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((store?, launcher?))
    })
}

/// Who can sign, and who may be assumed.
struct Identity {
    directory: Arc<Directory>,
    sessions: Arc<Sessions>,
}

impl Identity {
    /// `directory` follows the commits already.
    async fn open(store: &Store, directory: Arc<Directory>) -> Result<Self, BuildError> {
        directory.load(store).await.map_err(failed)?;
        Ok(Self { directory, sessions: Arc::new(Sessions::open(store).await.map_err(failed)?) })
    }

    /// Who gives each environment credentials of its function's role.
    fn function_credentials(&self) -> Arc<dyn RoleCredentials> {
        Arc::new(FunctionCredentials::new(self.sessions.clone(), self.directory.clone()))
    }
}

/// Where nobody's credentials are checked, nobody needs roles.
fn missing_roles(auth: Auth) -> MissingRoles {
    match auth {
        Auth::Off => MissingRoles::Accepted,
        Auth::Enforce => MissingRoles::Refused,
    }
}

/// The services that are not here.
fn elsewhere(
    configuration: &Configuration,
    address: SocketAddr,
) -> Result<Arc<ServiceEndpoints>, BuildError> {
    if let Some(own) = configuration.service_endpoints.iter().find(|endpoint| endpoint.is_at(address)) {
        return Err(BuildError::Failed(format!(
            "the service {} is mapped to this server itself, whose requests would go round for ever",
            own.service
        )));
    }
    let endpoints = ServiceEndpoints::new(configuration.service_endpoints.clone());
    let failed =
        |error| BuildError::HostLacks(format!("this host has no list of certificate authorities: {error}"));
    endpoints.map(Arc::new).map_err(failed)
}

/// Everybody who can sign, and who checks that they did.
fn proving(
    configuration: &Configuration,
    identity: &Identity,
) -> (Arc<dyn Credentials>, Option<Authentication>) {
    let (sessions, directory) = (identity.sessions.clone(), identity.directory.clone());
    let known = KnownCredentials::new(sessions, directory, root_key(configuration));
    let credentials: Arc<dyn Credentials> = Arc::new(known);
    let is_asked = configuration.auth == Auth::Enforce;
    let authentication = is_asked.then(|| Authentication::new(Arc::clone(&credentials)));
    (credentials, authentication)
}

/// Who and where a caller is who does not say.
fn defaults(configuration: &Configuration, credentials: Arc<dyn Credentials>) -> Defaults {
    let (account_id, region) = (configuration.account_id.clone(), configuration.region.clone());
    Defaults { account_id, region, credentials }
}

/// The operator's own key, if there is one.
fn root_key(configuration: &Configuration) -> Option<RootKey> {
    let (access_key_id, secret_access_key) = configuration.root_key.clone()?;
    Some(RootKey { access_key_id, secret_access_key, account_id: configuration.account_id.clone() })
}

fn build_environments(
    configuration: &Configuration,
    store: &Store,
    parts: EnvironmentParts,
) -> Arc<Environments> {
    let mut execution = configuration.execution.clone();
    execution.data_dir = store.data_dir().to_owned();
    let dependencies = Dependencies {
        launcher: parts.launcher,
        runtimes: parts.runtimes,
        code: Arc::new(store.code_packages()),
        logs: Arc::new(store.logs()),
        traces: Arc::new(store.traces()),
        metrics: parts.metrics,
        endpoint: parts.inside,
        credentials: parts.credentials,
    };
    Arc::new(Environments::new(execution, dependencies))
}

fn build_lambda(
    configuration: &Configuration,
    store: &Store,
    catalog: Arc<Catalog>,
    environments: &Arc<Environments>,
    metrics: &Arc<Metrics>,
    runtimes: Arc<HostRuntimes>,
    (identity, services): (&Identity, &Services),
) -> LambdaApi {
    let account_limits = configuration.account_limits;
    let invoker =
        Arc::new(Invoker::new(catalog.clone(), environments.clone(), metrics.clone(), account_limits));
    let environments_max =
        u32::try_from(configuration.execution.budgets.environments_max).unwrap_or(u32::MAX);
    let async_invoker = AsyncInvoker::new(AsyncParts {
        queue: Arc::new(store.queues()),
        catalog: catalog.clone(),
        invoker: invoker.clone(),
        metrics: metrics.clone(),
        clock: services.clock.clone(),
        total: account_limits.concurrency_max.min(environments_max),
    });
    LambdaApi {
        routes: rest_json::Router::new(&MODEL),
        store: store.clone(),
        invoker,
        async_invoker,
        catalog,
        signer: PathSigner::new(),
        account_concurrency_max: account_limits.concurrency_max,
        environments: environments.clone(),
        host_architecture: host_architecture(),
        allow_foreign_architecture: configuration.allow_foreign_architecture,
        accept_inert_settings: configuration.accept_inert_settings,
        runtimes,
        watches: Arc::default(),
        objects: services.objects.clone(),
        mappings: Arc::clone(&services.queues.mappings),
        queue_source: services.queue_source.clone(),
        streams: services.streams.clone(),
        rabbits: services.rabbits.clone(),
        roles: identity.directory.clone(),
    }
}

async fn open_services(
    configuration: &Configuration,
    store: &Store,
    followers: Followers,
    (catalog, elsewhere, address): (&Arc<Catalog>, &Arc<ServiceEndpoints>, SocketAddr),
) -> Result<Services, BuildError> {
    let ways = (elsewhere, ways_out(configuration)?, links(configuration, address));
    Services::open(configuration, store, followers, catalog, ways).await.map_err(failed)
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
    lines.extend(configuration.service_endpoints.iter().map(ToString::to_string));
    if configuration.ephemeral {
        lines.push("nothing is kept: all data goes with the server".into());
    }
    lines.extend(
        configuration.without_layers.iter().map(|layer| format!("without the isolation layer {layer}")),
    );
    lines
}
