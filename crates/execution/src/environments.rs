//! All environments of this server: a pool per function version, and room shared between them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use lambda_model::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::FunctionKey,
    invocation::{Invocation, InvocationOutcome},
    ports::{BoxFuture, ExecutionEnvironments, RunnableVersion},
};
use tokio::{sync::oneshot, task::JoinSet, time::Instant};

use crate::{
    awake::Awake,
    compiled::compile_wanted,
    configuration::Configuration,
    context::{Context, Dependencies},
    environment::{self, Environment},
    evictions::{Evictions, PoolKey, Pools},
    pool::{Pool, Request, StartEnvironment},
    provisioned::Provision,
    sandboxes::{Kind, keep_prepared},
};

/// Runs invocations in environments. The crate's front door.
pub struct Environments {
    context: Arc<Context>,
    pools: Arc<Pools>,
    provisions: RwLock<HashMap<PoolKey, Arc<Provision>>>,
    starter: Arc<Starter>,
    /// Ends with this.
    _looks_out: JoinSet<()>,
}

impl Environments {
    /// No environment is started until an invocation asks for one.
    pub fn new(configuration: Configuration, dependencies: Dependencies) -> Self {
        let context = Context::new(configuration, dependencies);
        tokio::spawn(keep_prepared(Arc::downgrade(&context)));
        tokio::spawn(compile_wanted(Arc::downgrade(&context)));
        let mut looks_out = JoinSet::new();
        let attention = Arc::clone(&context.attention);
        let awake = Awake::new(context.configuration.awake);
        looks_out.spawn(async move { attention.look_out(awake).await });
        let pools = Arc::new(Pools::default());
        let starter = Arc::new(Starter {
            context: Arc::clone(&context),
            pools: Arc::clone(&pools),
            evictions: Arc::default(),
        });
        Self { context, pools, provisions: RwLock::default(), starter, _looks_out: looks_out }
    }

    /// Retires everything that is idle and waits, within `bound`, until what runs has ended.
    pub async fn drain(&self, bound: Duration) {
        self.context.compilations.close();
        self.context.shelves.close().await;
        self.provisions().values().for_each(|provision| provision.end());
        for pool in read(&self.pools).values() {
            pool.close();
        }
        let deadline = Instant::now() + bound;
        while self.context.budget.in_use() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Gives the host back what environments shared of it. To be called last.
    pub async fn close(&self) {
        let launcher = Arc::clone(&self.context.launcher);
        let _ = tokio::task::spawn_blocking(move || launcher.close()).await;
    }

    /// Environments that exist now.
    pub fn count(&self) -> usize {
        self.context.budget.in_use()
    }

    async fn run(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
        place: Place,
    ) -> Result<InvocationOutcome, LambdaError> {
        self.context.attention.event();
        let (reply, outcome) = oneshot::channel();
        let request = Request { invocation: Arc::new(invocation), reply };
        let submitted = match place {
            Place::Provisioned => self.submit_to_provisioned(&version, request),
            Place::OnDemand => Err(request),
        };
        if let Err(request) = submitted {
            self.submit(&version, request);
        }
        outcome
            .await
            .unwrap_or_else(|_| Err(LambdaError::Service("the environment ended without an answer".into())))
    }

    /// An idle provisioned environment takes the request; it comes back where there is none, as while one is being replaced.
    fn submit_to_provisioned(&self, version: &Arc<RunnableVersion>, request: Request) -> Result<(), Request> {
        let key = (version.key.clone(), version.version.clone());
        let provision =
            self.provisions().get(&key).filter(|provision| fits(&provision.pool, version)).map(Arc::clone);
        match provision {
            Some(provision) => provision.pool.try_submit(request),
            None => Err(request),
        }
    }

    fn submit(&self, version: &Arc<RunnableVersion>, mut request: Request) {
        // A pool that closes between look-up and submission gives the request back; the next look-up makes a new one.
        while let Err(back) = self.pool(version).submit(request) {
            request = back;
        }
    }

    fn provisions(&self) -> RwLockReadGuard<'_, HashMap<PoolKey, Arc<Provision>>> {
        self.provisions.read().unwrap_or_else(PoisonError::into_inner)
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

fn read(pools: &Pools) -> RwLockReadGuard<'_, HashMap<PoolKey, Arc<Pool>>> {
    pools.read().unwrap_or_else(PoisonError::into_inner)
}

impl ExecutionEnvironments for Environments {
    fn invoke(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
        place: Place,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>> {
        Box::pin(self.run(version, invocation, place))
    }

    fn expect(&self, version: &Arc<RunnableVersion>) {
        let (context, version) = (Arc::clone(&self.context), Arc::clone(version));
        tokio::task::spawn_blocking(move || {
            // A runtime that is missing is what the first invocation hears of.
            if let Ok(plan) = environment::plan(&context, &version) {
                context.shelves.expect(Kind::of(&context.configuration, &version, &plan));
                context.compilations.want(&context, &version, &plan);
            }
        });
    }

    fn provision(&self, key: &FunctionKey, desired: Vec<(Arc<RunnableVersion>, u32)>) {
        let mut provisions = self.provisions.write().unwrap_or_else(PoisonError::into_inner);
        provisions.retain(|(function, of), provision| {
            let is_as_desired = desired.iter().any(|(version, count)| {
                version.version == *of && fits(&provision.pool, version) && *count == provision.wanted()
            });
            let keep = function != key || is_as_desired;
            if !keep {
                provision.end();
            }
            keep
        });
        for (version, count) in desired.into_iter().filter(|(_, count)| *count > 0) {
            let of = (key.clone(), version.version.clone());
            provisions.entry(of).or_insert_with(|| Provision::begin(&self.context, version, count));
        }
    }

    fn provisioned(&self, key: &FunctionKey, version: &str) -> ProvisionedState {
        let of = (key.clone(), version.to_owned());
        self.provisions().get(&of).map(|provision| provision.state()).unwrap_or_default()
    }

    fn retire(&self, key: &FunctionKey, version: Option<&str>, keep_deployment_id: Option<&str>) {
        if version.is_none() && keep_deployment_id.is_none() {
            self.context.scaling.forget(key);
        }
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
    evictions: Arc<Evictions>,
}

impl StartEnvironment for Starter {
    fn start_environment(&self, pool: &Arc<Pool>) {
        let (context, pools, pool) = (Arc::clone(&self.context), Arc::clone(&self.pools), Arc::clone(pool));
        let evictions = Arc::clone(&self.evictions);
        if !context.scaling.take(&pool.version.key) {
            let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
            return pool.start_failed(&LambdaError::TooManyRequests(reason));
        }
        tokio::spawn(async move {
            match evictions.acquire_room(&context, &pools).await {
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
