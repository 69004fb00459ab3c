//! All environments of this server: a pool per function version, and room shared between them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use lambda_model::{
    LambdaError,
    error::ThrottleReason,
    function::FunctionKey,
    invocation::{Invocation, InvocationOutcome},
    limits,
    ports::{BoxFuture, ExecutionEnvironments, RunnableVersion},
};
use tokio::sync::oneshot;

use crate::{
    budget::Room,
    configuration::Configuration,
    context::{Context, Dependencies},
    environment::Environment,
    pool::{Pool, Request, StartEnvironment},
};

/// A function version; its revision may change, its pool then does too.
type PoolKey = (FunctionKey, String);

/// Runs invocations in environments. The crate's front door.
pub struct Environments {
    context: Arc<Context>,
    pools: Arc<Pools>,
    starter: Arc<Starter>,
}

type Pools = RwLock<HashMap<PoolKey, Arc<Pool>>>;

impl Environments {
    /// No environment is started until an invocation asks for one.
    pub fn new(configuration: Configuration, dependencies: Dependencies) -> Self {
        let context = Context::new(configuration, dependencies);
        let pools = Arc::new(Pools::default());
        let starter = Arc::new(Starter { context: Arc::clone(&context), pools: Arc::clone(&pools) });
        Self { context, pools, starter }
    }

    /// Retires everything that is idle and waits, within `bound`, until what runs has ended.
    pub async fn drain(&self, bound: Duration) {
        for pool in read(&self.pools).values() {
            pool.close();
        }
        let deadline = tokio::time::Instant::now() + bound;
        while self.context.budget.in_use() > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Environments that exist now.
    pub fn count(&self) -> usize {
        self.context.budget.in_use()
    }

    async fn run(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
    ) -> Result<InvocationOutcome, LambdaError> {
        let (reply, outcome) = oneshot::channel();
        let mut request = Request { invocation: Arc::new(invocation), reply };
        // A pool that closes between look-up and submission gives the request back; the next look-up makes a new one.
        while let Err(back) = self.pool(&version).submit(request) {
            request = back;
        }
        outcome
            .await
            .unwrap_or_else(|_| Err(LambdaError::Service("the environment ended without an answer".into())))
    }

    fn pool(&self, version: &Arc<RunnableVersion>) -> Arc<Pool> {
        let key = (version.key.clone(), version.version.clone());
        if let Some(pool) = read(&self.pools).get(&key).filter(|pool| fits(pool, version)) {
            return Arc::clone(pool);
        }
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&key).filter(|pool| fits(pool, version)) {
            return Arc::clone(pool);
        }
        let pool = Pool::new(Arc::clone(version), Arc::clone(&self.starter) as Arc<dyn StartEnvironment>);
        if let Some(replaced) = pools.insert(key, Arc::clone(&pool)) {
            replaced.close();
        }
        pool
    }
}

fn fits(pool: &Pool, version: &RunnableVersion) -> bool {
    pool.version.deployment_id == version.deployment_id && !pool.is_closed()
}

fn read(pools: &Pools) -> std::sync::RwLockReadGuard<'_, HashMap<PoolKey, Arc<Pool>>> {
    pools.read().unwrap_or_else(PoisonError::into_inner)
}

impl ExecutionEnvironments for Environments {
    fn invoke(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>> {
        Box::pin(self.run(version, invocation))
    }

    fn retire(&self, key: &FunctionKey, version: Option<&str>, keep_deployment_id: Option<&str>) {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|(function, of), pool| {
            let is_meant = function == key && version.is_none_or(|version| version == of);
            let keep = !is_meant || Some(pool.version.deployment_id.as_str()) == keep_deployment_id;
            if !keep {
                pool.close();
            }
            keep
        });
    }
}

/// Starts environments when there is room, making room where it can.
struct Starter {
    context: Arc<Context>,
    pools: Arc<Pools>,
}

impl StartEnvironment for Starter {
    fn start_environment(&self, pool: &Arc<Pool>) {
        let (context, pools, pool) = (Arc::clone(&self.context), Arc::clone(&self.pools), Arc::clone(pool));
        tokio::spawn(async move {
            match acquire_room(&context, &pools).await {
                Some(room) => {
                    context.metrics.environment_started(&pool.version.key);
                    Environment::run(context, pool, room).await;
                }
                None => pool.start_failed(&LambdaError::TooManyRequests(
                    ThrottleReason::ConcurrentInvocationLimitExceeded,
                )),
            }
        });
    }
}

/// Takes room; where there is none, the environment that is idle longest makes place. `None` when none is idle.
async fn acquire_room(context: &Context, pools: &Pools) -> Option<Room> {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(limits::ROOM_TIMEOUT_MS);
    loop {
        let returned = context.budget.room_returned();
        if let Some(room) = context.budget.take() {
            return Some(room);
        }
        if !evict_longest_idle(pools) {
            return None;
        }
        tokio::time::timeout_at(deadline, returned).await.ok()?;
    }
}

fn evict_longest_idle(pools: &Pools) -> bool {
    let pools = read(pools);
    let idle = pools.values().filter_map(|pool| Some((pool.idle_since()?, pool)));
    idle.min_by_key(|(since, _)| *since).is_some_and(|(_, pool)| pool.evict_longest_idle())
}
