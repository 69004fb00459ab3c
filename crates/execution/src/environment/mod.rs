//! One execution environment and the task that owns it.
//!
//! The task owns the sandbox, the Runtime API and the log; everyone else sends it a [`Request`]. Its phases are drawn in
//! [`lambda_model::environment::lifecycle`]; here is how they are driven:
//!
//! ```text
//!  start() ─► initialize() ─► offer to the pool ─┬─ Serve ───► serve(request) ─► offer again
//!                                                ├─ Wait ────► wait_for_request(): freeze after a moment, thaw on a request,
//!                                                │             retire when idle too long
//!                                                └─ Closed ──► shut_down()
//! ```
//! Whatever fails in the sandbox itself ends the environment; whatever fails in the function spoils its runtime, and the next
//! invocation initialises it again in the same sandbox, with `/tmp` as it was (L-09, L-10).

mod idle;
mod initialize;
mod log_capture;
pub(crate) mod log_frames;
pub(crate) mod name_server;
mod news;
mod outcome;
mod processes;
mod report;
mod reset;
mod rest;
mod segments;
mod serve;
mod start;
pub(crate) mod xray;

use std::{pin::Pin, sync::Arc, time::Duration};

use lambda_model::{
    environment::{Phase, ShutdownReason},
    limits,
    platform_log::Subscription,
    ports::{RunnableVersion, ServedEndpoint},
};
use sandbox::{ProcessId, Sandbox};
use tokio::{
    net::UnixStream,
    sync::mpsc,
    time::{Instant, Sleep},
};

use crate::{
    budget::Room,
    context::Context,
    environment_api::EnvironmentApi,
    pool::{CameFrom, IdleEnvironment, Offer, Pool},
    runtime_api::RuntimeEvent,
    runtimes::RuntimePlan,
    sandboxes::{self, Origin, Remains, WaitingRuntime},
    uids::Uid,
    variables::InitializationType,
};
use log_capture::LogCapture;
use name_server::NameServer;
use processes::{ExtensionProgram, Launching};
use xray::XrayDaemon;

pub(crate) use start::{StartError, plan};

/// A running environment, owned by its task.
pub(crate) struct Environment {
    id: u64,
    version: Arc<RunnableVersion>,
    context: Arc<Context>,
    plan: RuntimePlan,
    variables: Vec<(String, String)>,
    /// Readable when the sandbox has an event: its control descriptor.
    control: Arc<UnixStream>,
    sandbox: Sandbox,
    /// Where something is reached whose name can be looked up.
    names: Option<NameServer>,
    /// Whether the sandbox may have processes that ended to tell of.
    has_exits: bool,
    api: EnvironmentApi,
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
    log: LogCapture,
    /// Extensions that have subscribed to telemetry.
    subscriptions: mpsc::UnboundedReceiver<Subscription>,
    /// The runtime's, while it runs.
    process: Option<ProcessId>,
    /// What it was launched with, until there is time to close it.
    launching: Option<Launching>,
    /// A runtime that waits for its function: for the first Init.
    waiting: Option<WaitingRuntime>,
    /// External extensions, in the order in which they start.
    extensions: Vec<ExtensionProgram>,
    initialization: InitializationType,
    /// Names the environment in telemetry.
    instance_id: String,
    phase: Phase,
    /// Of a successful initialization that no REPORT has told yet, microseconds.
    unreported_init_us: Option<u64>,
    /// What its last invocation was seen to use.
    memory_mb: u64,
    frozen: bool,
    /// When its start began, and when it had a sandbox.
    began: Instant,
    born: Instant,
    /// None while nobody inside wants it.
    endpoint: Option<Box<dyn ServedEndpoint>>,
    is_resting: bool,
    /// Rings when nobody has asked for long enough, or a little earlier.
    alarm: Pin<Box<Sleep>>,
    xray: XrayDaemon,
    /// Code and layers stay where they are mounted from, whatever becomes of the function.
    code: (Box<dyn Send + Sync>, Option<Box<dyn Send + Sync>>),
    uid: Uid,
    room: Room,
    /// What the sandbox can be again.
    origin: Option<Origin>,
}

/// What became of a provisioned environment.
pub(crate) enum Lived {
    /// It was ready for requests.
    Served,
    /// It could not be started, or its Init failed.
    NeverReady,
}

/// How the wait for a request ended.
enum NextStep {
    Serve(crate::pool::Request),
    End,
}

impl Environment {
    /// Starts an environment for `pool` and drives it until it ends. Runs as a task of its own.
    pub(crate) async fn run(context: Arc<Context>, pool: Arc<Pool>, room: Room) {
        let version = Arc::clone(&pool.version);
        let mut environment = match Self::start(context, version, room, InitializationType::OnDemand).await {
            Ok(environment) => environment,
            Err(error) => {
                tracing::error!(function = %pool.version.key.name, error = &error as &(dyn std::error::Error + 'static), "environment not started");
                return pool.start_failed(&error.into());
            }
        };
        environment.initialize(Duration::from_millis(limits::INIT_TIMEOUT_MS)).await;
        environment.drive(&pool).await;
        environment.shut_down().await;
    }

    /// The same for one that nobody waits for: only a successful Init makes it ready, which `is_ready` is told.
    pub(crate) async fn run_provisioned(
        context: Arc<Context>,
        pool: Arc<Pool>,
        room: Room,
        is_ready: impl FnOnce(),
    ) -> Lived {
        let version = Arc::clone(&pool.version);
        let init_timeout = provisioned_init_timeout(version.configuration.timeout_seconds);
        let mut environment = match Self::start(context, version, room, InitializationType::Provisioned).await
        {
            Ok(environment) => environment,
            Err(error) => {
                tracing::error!(function = %pool.version.key.name, error = &error as &(dyn std::error::Error + 'static), "environment not started");
                return Lived::NeverReady;
            }
        };
        environment.initialize(init_timeout).await;
        let lived = if environment.phase == Phase::Idle {
            is_ready();
            environment.drive(&pool).await;
            pool.has_left();
            Lived::Served
        } else {
            Lived::NeverReady
        };
        environment.shut_down().await;
        lived
    }

    /// Whether it is to be recycled; its credentials will not last for ever.
    fn is_old(&self) -> bool {
        self.born.elapsed() >= self.context.configuration.environment_lifetime
    }

    async fn drive(&mut self, pool: &Arc<Pool>) {
        let mut came_from = CameFrom::Start;
        let start_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        loop {
            // A channel per wait: the pool holds the only sender, so that dropping it there ends the environment.
            let (sender, requests) = mpsc::channel(1);
            let idle = IdleEnvironment {
                id: self.id,
                requests: sender,
                since: Instant::now(),
                memory_mb: self.memory_mb,
                start_ms,
            };
            let request = match pool.offer(idle, came_from) {
                Offer::Serve(request) => request,
                Offer::Closed => return,
                Offer::Wait => match self.wait_for_request(pool, requests).await {
                    NextStep::Serve(request) => request,
                    NextStep::End => return,
                },
            };
            match self.serve(pool, request).await {
                Ok(next) if self.is_old() => {
                    if next == CameFrom::Finishing {
                        pool.is_not_finishing(self.id);
                    }
                    return;
                }
                Ok(next) => came_from = next,
                Err(error) => {
                    pool.is_not_finishing(self.id);
                    tracing::error!(
                        environment = self.id,
                        error = &error as &(dyn std::error::Error + 'static),
                        "sandbox failed; environment destroyed"
                    );
                    return;
                }
            }
        }
    }

    async fn shut_down(mut self) {
        self.phase = Phase::ShuttingDown;
        self.room.leaves();
        if !self.api.shared.extensions.are_none() {
            self.end_processes(ShutdownReason::Spindown).await;
        }
        self.log.drain();
        let Self { context, sandbox, uid, origin, room, code, control, names, api, xray, endpoint, .. } =
            self;
        drop((control, names, api, xray, endpoint));
        sandboxes::take_back(&context, Remains { uid, sandbox, origin, room }).await;
        drop(code);
    }
}

/// As long as the function's own timeout, at least 130 s (L-03).
fn provisioned_init_timeout(timeout_seconds: i64) -> Duration {
    let own = Duration::from_secs(u64::try_from(timeout_seconds).unwrap_or(0));
    own.max(Duration::from_millis(limits::PROVISIONED_INIT_TIMEOUT_MS))
}
