//! What every environment shares: the launcher of sandboxes, the runtimes, and where logs, metrics and connections go.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use lambda_model::{
    credentials::RoleCredentials,
    ports::{CodePackages, EnvironmentEndpoint, LogSink, MetricSink},
};
use sandbox::Launcher;

use crate::{
    attention::Attention,
    budget::Budget,
    compiled::Compilations,
    configuration::Configuration,
    environment::name_server::Resolver,
    runtimes::HostRuntimes,
    sandboxes::{Shelves, Zygotes},
    scaling::ScalingRates,
    starts::Starts,
    uids::Uids,
};

/// What the crate needs from others.
pub struct Dependencies {
    /// Starts sandboxes.
    pub launcher: Launcher,
    /// Knows the interpreters of this host.
    pub runtimes: Arc<HostRuntimes>,
    /// Gives code.
    pub code: Arc<dyn CodePackages>,
    /// Takes log lines.
    pub logs: Arc<dyn LogSink>,
    /// Takes segments of traces.
    pub traces: Arc<dyn LogSink>,
    /// Takes counts.
    pub metrics: Arc<dyn MetricSink>,
    /// Serves the AWS endpoint inside environments.
    pub endpoint: Arc<dyn EnvironmentEndpoint>,
    /// Gives each environment credentials of its function's role.
    pub credentials: Arc<dyn RoleCredentials>,
}

/// See the module's doc.
pub(crate) struct Context {
    pub configuration: Configuration,
    pub launcher: Arc<Launcher>,
    pub runtimes: Arc<HostRuntimes>,
    pub code: Arc<dyn CodePackages>,
    pub logs: Arc<dyn LogSink>,
    pub traces: Arc<dyn LogSink>,
    pub metrics: Arc<dyn MetricSink>,
    pub endpoint: Arc<dyn EnvironmentEndpoint>,
    pub credentials: Arc<dyn RoleCredentials>,
    pub budget: Arc<Budget>,
    pub scaling: ScalingRates,
    pub attention: Arc<Attention>,
    pub uids: Arc<Uids>,
    pub resolver: Arc<Resolver>,
    pub shelves: Arc<Shelves>,
    pub zygotes: Zygotes,
    pub compilations: Compilations,
    /// Sandboxes that are being started.
    pub starts: Arc<Starts>,
    next_id: AtomicU64,
}

impl Context {
    pub(crate) fn new(configuration: Configuration, dependencies: Dependencies) -> Arc<Self> {
        let ahead = if dependencies.launcher.binds_late() { configuration.prepared_sandboxes } else { 0 };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Arc::new(Self {
            scaling: ScalingRates::new(configuration.scaling),
            attention: Arc::new(Attention::new()),
            budget: Budget::new(configuration.budgets, configuration.data_dir.clone()),
            resolver: Arc::default(),
            shelves: Arc::new(Shelves::new(ahead)),
            zygotes: Zygotes::default(),
            compilations: Compilations::new(),
            uids: Arc::new(Uids::of(&configuration.data_dir)),
            configuration,
            launcher: Arc::new(dependencies.launcher),
            runtimes: dependencies.runtimes,
            code: dependencies.code,
            logs: dependencies.logs,
            traces: dependencies.traces,
            metrics: dependencies.metrics,
            endpoint: dependencies.endpoint,
            credentials: dependencies.credentials,
            starts: Starts::new(cores * 2),
            next_id: AtomicU64::new(1),
        })
    }

    /// Identifies an environment within this process.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}
