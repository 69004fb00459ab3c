//! Environments that are initialised before anyone asks for them, and kept (C-05 to C-08).
//!
//! One [`Provision`] per version has a pool of its own, whose environments are never retired for being idle and never make room for
//! others. A task keeps as many of them as were asked for: one that ends is replaced, and after a failed Init the next attempt waits.
//!
//! ```text
//!  keep() ─► fewer than wanted? ── start one ──► Init ──► ready: offered to the pool, until it ends ─┐
//!     ▲                                           └─ failed: wait, longer each time ────────────────┤
//!     └─────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use lambda_model::{concurrency::ProvisionedState, limits, ports::RunnableVersion};
use tokio::sync::Semaphore;

use crate::{
    context::Context,
    environment::{Environment, Lived},
    pool::{Pool, StartEnvironment},
};

/// The provisioned environments of one version.
pub(crate) struct Provision {
    /// Where idle ones wait.
    pub(crate) pool: Arc<Pool>,
    wanted: u32,
    ready: Arc<AtomicU32>,
    has_failed: AtomicBool,
    retry: Mutex<Duration>,
    /// One permit for each environment that may live.
    places: Arc<Semaphore>,
}

impl Provision {
    /// Begins to keep `wanted` environments.
    pub(crate) fn begin(context: &Arc<Context>, version: Arc<RunnableVersion>, wanted: u32) -> Arc<Self> {
        let provision = Arc::new(Self {
            pool: Pool::provisioned(version, Arc::new(NeverStarts)),
            wanted,
            ready: Arc::default(),
            has_failed: AtomicBool::new(false),
            retry: Mutex::new(Duration::from_millis(limits::PROVISIONED_RETRY_MS_MIN)),
            places: Arc::new(Semaphore::new(wanted as usize)),
        });
        tokio::spawn(Arc::clone(&provision).keep(Arc::clone(context)));
        provision
    }

    /// Environments asked for.
    pub(crate) fn wanted(&self) -> u32 {
        self.wanted
    }

    /// How far they have come.
    pub(crate) fn state(&self) -> ProvisionedState {
        ProvisionedState {
            ready: self.ready.load(Ordering::Acquire),
            has_failed: self.has_failed.load(Ordering::Acquire),
        }
    }

    /// Idle environments end now, busy ones after what they do.
    pub(crate) fn end(&self) {
        self.pool.close();
        self.places.close();
    }

    async fn keep(self: Arc<Self>, context: Arc<Context>) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let (provision, context) = (Arc::clone(&self), Arc::clone(&context));
            tokio::spawn(async move {
                provision.live(context).await;
                drop(place);
            });
        }
    }

    /// One environment from its start to its end.
    async fn live(&self, context: Arc<Context>) {
        let Some(room) = context.budget.take() else { return self.wait_before_retry().await };
        context.metrics.environment_started(&self.pool.version.key);
        let ready = Ready { count: Arc::clone(&self.ready) };
        match Environment::run_provisioned(context, Arc::clone(&self.pool), room, || self.is_ready(&ready))
            .await
        {
            Lived::Served => ready.leave(),
            Lived::NeverReady => {
                self.has_failed.store(true, Ordering::Release);
                self.wait_before_retry().await;
            }
        }
    }

    fn is_ready(&self, ready: &Ready) {
        ready.enter();
        self.has_failed.store(false, Ordering::Release);
        *self.retry.lock().unwrap_or_else(PoisonError::into_inner) =
            Duration::from_millis(limits::PROVISIONED_RETRY_MS_MIN);
    }

    async fn wait_before_retry(&self) {
        let wait = {
            let mut retry = self.retry.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = *retry;
            *retry = (wait * 2).min(Duration::from_millis(limits::PROVISIONED_RETRY_MS_MAX));
            wait
        };
        tokio::time::sleep(wait).await;
    }
}

/// Counts one environment while it is ready.
struct Ready {
    count: Arc<AtomicU32>,
}

impl Ready {
    fn enter(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    fn leave(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Requests never start environments in a pool of provisioned ones: they go elsewhere.
struct NeverStarts;

impl StartEnvironment for NeverStarts {
    fn start_environment(&self, _: &Arc<Pool>) {}
}
