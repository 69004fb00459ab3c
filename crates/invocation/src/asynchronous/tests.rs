//! Events in a queue in memory, with environments that answer as the test says, on a clock that stands still unless somebody waits.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::{FunctionKey, FunctionState},
    invocation::{
        Invocation, InvocationOutcome,
        asynchronous::{
            AsyncEvent, Delivery, DeliveryKind, EventId, Progress, RetryPolicy, Settlement,
            destination_record::Targets,
        },
    },
    ports::*,
};
use tokio::time::{Instant, sleep};

use super::{AsyncInvoker, AsyncParts, AsyncRequest};
use crate::{AccountLimits, Invoker, tests::version};

/// What an attempt gives.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    Response,
    Error,
    Throttle,
    Panic,
    /// A response, after so many milliseconds.
    After(u64),
}

struct World {
    started: Instant,
    gives: Mutex<HashMap<String, VecDeque<Gives>>>,
    settings: Mutex<AsyncSettings>,
    waiting: Mutex<BTreeMap<EventId, Waiting>>,
    told: Mutex<Vec<Delivery>>,
    ran: Mutex<Vec<(String, i64)>>,
    unsettled: Mutex<u32>,
    /// Attempts that find an environment at a time.
    room: Mutex<usize>,
    in_use: Mutex<usize>,
    invoker: Mutex<Option<Arc<AsyncInvoker>>>,
}

struct Waiting {
    event: AsyncEvent,
    progress: Progress,
    due_ms: i64,
    is_claimed: bool,
}

/// A place in an environment, given back when dropped.
struct InUse<'a>(&'a World);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        *self.0.in_use.lock().unwrap() -= 1;
    }
}

fn key(name: &str) -> FunctionKey {
    FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

impl Clock for World {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap()
    }
}

impl FunctionCatalog for World {
    fn resolve(&self, key: &FunctionKey, _: Option<&str>, _: f64) -> Result<ResolvedFunction, LambdaError> {
        if key.name == "missing" {
            return Err(LambdaError::function_not_found(&key.qualified_arn("$LATEST")));
        }
        Ok(ResolvedFunction {
            version: Arc::new(version(key)),
            state: FunctionState::Active,
            reserved_concurrency: None,
            account_taken: 0,
            provisioned: 0,
            provisioned_of_function: 0,
            allows_recursion: false,
        })
    }

    fn asynchronous(&self, _: &FunctionKey, _: Option<&str>) -> AsyncSettings {
        self.settings.lock().unwrap().clone()
    }
}

impl ExecutionEnvironments for World {
    fn invoke(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
        _: Place,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>> {
        let name = &version.key.name;
        let gives = self.gives.lock().unwrap().get_mut(name).and_then(VecDeque::pop_front);
        let request_id = invocation.request_id;
        Box::pin(async move {
            if *self.in_use.lock().unwrap() >= *self.room.lock().unwrap() {
                return Err(LambdaError::TooManyRequests(ThrottleReason::ConcurrentInvocationLimitExceeded));
            }
            *self.in_use.lock().unwrap() += 1;
            let _place = InUse(self);
            self.ran.lock().unwrap().push((request_id, self.now_ms()));
            match gives.unwrap_or(Gives::Response) {
                Gives::Response => Ok(InvocationOutcome::response(Bytes::from_static(b"1"))),
                Gives::Error => Ok(InvocationOutcome::function_error(Bytes::from_static(b"{}"))),
                Gives::Throttle => {
                    Err(LambdaError::TooManyRequests(ThrottleReason::ConcurrentInvocationLimitExceeded))
                }
                Gives::Panic => panic!("as the test asked"),
                Gives::After(ms) => {
                    sleep(Duration::from_millis(ms)).await;
                    Ok(InvocationOutcome::response(Bytes::from_static(b"1")))
                }
            }
        })
    }

    fn provision(&self, _: &FunctionKey, _: Vec<(Arc<RunnableVersion>, u32)>) {}

    fn provisioned(&self, _: &FunctionKey, _: &str) -> ProvisionedState {
        ProvisionedState { ready: 0, has_failed: false }
    }

    fn retire(&self, _: &FunctionKey, _: Option<&str>, _: Option<&str>) {}
}

impl MetricSink for World {
    fn invocation_started(&self, _: &FunctionKey, _: &str) {}
    fn invocation_ended(&self, _: &FunctionKey, _: &str, _: Option<InvocationEnd>) {}
    fn throttled(&self, _: &FunctionKey, _: &str, _: ThrottleReason) {}
    fn provisioned_invocation(&self, _: &FunctionKey, _: &str, _: Place) {}
    fn async_event_received(&self, _: &FunctionKey, _: &str) {}
    fn async_event_age(&self, _: &FunctionKey, _: &str, _: u64) {}
    fn async_event_dropped(&self, _: &FunctionKey, _: &str) {}
    fn recursive_invocation_dropped(&self, _: &FunctionKey, _: &str) {}
    fn delivery_failed(&self, _: &FunctionKey, _: &str, _: DeliveryKind) {}
    fn environment_started(&self, _: &FunctionKey) {}
}

impl AsyncInvocationQueue for World {
    fn accept(&self, event: AsyncEvent) -> BoxFuture<'_, Result<(), LambdaError>> {
        Box::pin(async move {
            let (key, resource) = (event.key.clone(), event.resource().to_owned());
            let due_ms = event.accepted_at_ms;
            let waiting = Waiting { event, progress: Progress::default(), due_ms, is_claimed: false };
            {
                let mut all = self.waiting.lock().unwrap();
                let id = all.keys().next_back().map_or(1, |last| last.0 + 1);
                all.insert(EventId(id), waiting);
            }
            let invoker = self.invoker.lock().unwrap().clone();
            invoker.unwrap().accepted(&key, &resource);
            Ok(())
        })
    }

    fn functions(&self) -> BoxFuture<'_, Result<Vec<FunctionKey>, LambdaError>> {
        let keys = self.waiting.lock().unwrap().values().map(|waiting| waiting.event.key.clone()).collect();
        Box::pin(async move { Ok(keys) })
    }

    fn claim<'a>(
        &'a self,
        key: &'a FunctionKey,
        now_ms: i64,
        max: usize,
    ) -> BoxFuture<'a, Result<Claimed, LambdaError>> {
        Box::pin(async move {
            let mut all = self.waiting.lock().unwrap();
            let mut free: Vec<_> =
                all.iter_mut().filter(|(_, one)| one.event.key == *key && !one.is_claimed).collect();
            free.sort_by_key(|(id, one)| (one.due_ms, **id));
            let mut claimed = Claimed::default();
            for (id, one) in free {
                if one.due_ms > now_ms || claimed.events.len() == max {
                    claimed.next_due_ms = Some(one.due_ms);
                    break;
                }
                one.is_claimed = true;
                let (event, progress) = (one.event.clone(), one.progress);
                claimed.events.push(ClaimedEvent { id: *id, event, progress });
            }
            Ok(claimed)
        })
    }

    fn settle(
        &self,
        _: &FunctionKey,
        id: EventId,
        settlement: Settlement,
    ) -> BoxFuture<'_, Result<(), LambdaError>> {
        Box::pin(async move {
            let mut unsettled = self.unsettled.lock().unwrap();
            if *unsettled > 0 {
                *unsettled -= 1;
                return Err(LambdaError::Service("disk full".into()));
            }
            let mut all = self.waiting.lock().unwrap();
            match settlement {
                Settlement::Waits { due_at_ms, progress } => {
                    let one = all.get_mut(&id).unwrap();
                    (one.due_ms, one.progress, one.is_claimed) = (due_at_ms, progress, false);
                }
                Settlement::Ended(deliveries) => {
                    assert!(all.remove(&id).unwrap().is_claimed);
                    self.told.lock().unwrap().extend(deliveries);
                }
            }
            Ok(())
        })
    }
}

impl World {
    fn begin(total: u32) -> (Arc<Self>, Arc<AsyncInvoker>) {
        let targets =
            Targets { on_success: Some("ok".into()), on_failure: Some("failed".into()), dead_letter: None };
        let settings = AsyncSettings { policy: RetryPolicy::default(), targets, reserved_concurrency: None };
        let world = Arc::new(Self {
            started: Instant::now(),
            gives: Mutex::default(),
            settings: Mutex::new(settings),
            waiting: Mutex::default(),
            told: Mutex::default(),
            ran: Mutex::default(),
            unsettled: Mutex::default(),
            room: Mutex::new(usize::MAX),
            in_use: Mutex::default(),
            invoker: Mutex::default(),
        });
        let limits = AccountLimits { concurrency_max: 1_000, requests_per_second: 1_000 };
        let invoker = AsyncInvoker::new(AsyncParts {
            queue: world.clone(),
            catalog: world.clone(),
            invoker: Arc::new(Invoker::new(world.clone(), world.clone(), world.clone(), limits)),
            metrics: world.clone(),
            clock: world.clone(),
            total,
        });
        *world.invoker.lock().unwrap() = Some(invoker.clone());
        (world, invoker)
    }

    fn gives(&self, function: &str, gives: &[Gives]) {
        self.gives.lock().unwrap().insert(function.into(), gives.iter().copied().collect());
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|told| told.target.clone()).collect()
    }

    /// When what ran of an event, milliseconds.
    fn attempts(&self, request_id: &str) -> Vec<i64> {
        let ran = self.ran.lock().unwrap();
        ran.iter().filter(|(id, _)| id == request_id).map(|(_, at)| *at).collect()
    }
}

async fn send(invoker: &AsyncInvoker, function: &str, request_id: &str) -> Result<(), LambdaError> {
    let payload = Bytes::from_static(b"{}");
    invoker
        .accept(AsyncRequest {
            key: key(function),
            qualifier: None,
            request_id: request_id.into(),
            payload,
            trace_id: None,
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_02_errors_are_tried_again_after_one_and_two_minutes() {
    let (world, invoker) = World::begin(10);
    world.gives("f", &[Gives::Error, Gives::Error, Gives::Response]);
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.attempts("a"), [0, 60_000, 180_000]);
    assert_eq!(world.told(), ["ok"]);
    world.gives("f", &[Gives::Error; 9]);
    send(&invoker, "f", "b").await.unwrap();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.attempts("b").len(), 3);
    assert_eq!(world.told(), ["ok", "failed"]);
    assert!(world.waiting.lock().unwrap().is_empty());
    assert!(invoker.backlogs().is_empty(), "nothing stays of a backlog that is worked off");
}

#[tokio::test(start_paused = true)]
async fn a_03_refusals_cost_no_attempt() {
    let (world, invoker) = World::begin(10);
    world.gives("f", &[Gives::Throttle, Gives::Throttle, Gives::Throttle, Gives::Error, Gives::Response]);
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_secs(100)).await;
    let attempts: Vec<_> = world.attempts("a").iter().map(|at| at / 1_000).collect();
    assert_eq!(attempts, [0, 1, 3, 7, 67]);
    assert_eq!(world.told(), ["ok"]);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_delays_no_other_and_leaves_room() {
    let (world, invoker) = World::begin(20);
    world.gives("slow", &[Gives::After(900_000); 100]);
    for number in 0..100 {
        send(&invoker, "slow", &format!("slow-{number}")).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    let running = world.ran.lock().unwrap().len();
    assert!((8..=10).contains(&running), "{running} of 20 run");
    send(&invoker, "quick", "q").await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.attempts("q").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_less_room_than_expected_the_next_finds_some_soon() {
    let (world, invoker) = World::begin(1_000);
    *world.room.lock().unwrap() = 20;
    world.gives("slow", &[Gives::After(500); 2_000]);
    for number in 0..2_000 {
        send(&invoker, "slow", &format!("slow-{number}")).await.unwrap();
    }
    sleep(Duration::from_secs(3)).await;
    for number in 0..10 {
        let sent = world.now_ms();
        send(&invoker, "quick", &format!("q{number}")).await.unwrap();
        while world.told.lock().unwrap().iter().all(|told| told.request_id != format!("q{number}")) {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(world.now_ms() - sent < 5_000, "it took {} ms", world.now_ms() - sent);
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_settled_is_settled_later_and_not_run_again() {
    let (world, invoker) = World::begin(10);
    *world.unsettled.lock().unwrap() = 5;
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((world.attempts("a").len(), world.told()), (1, vec!["ok".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_breaks_gives_its_event_back() {
    let (world, invoker) = World::begin(10);
    world.gives("f", &[Gives::Panic]);
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_secs(120)).await;
    assert_eq!((world.attempts("a").len(), world.told()), (2, vec!["ok".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_invoker_begins_nothing_and_another_goes_on() {
    let (world, invoker) = World::begin(10);
    world.gives("f", &[Gives::After(1_000)]);
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_millis(10)).await;
    invoker.stop();
    send(&invoker, "f", "b").await.unwrap();
    invoker.ended(Instant::now() + Duration::from_secs(10)).await;
    assert_eq!((world.told(), world.now_ms() / 100), (vec!["ok".to_owned()], 10));
    assert!(world.attempts("b").is_empty());
    let limits = AccountLimits { concurrency_max: 10, requests_per_second: 1_000 };
    let next = AsyncInvoker::new(AsyncParts {
        queue: world.clone(),
        catalog: world.clone(),
        invoker: Arc::new(Invoker::new(world.clone(), world.clone(), world.clone(), limits)),
        metrics: world.clone(),
        clock: world.clone(),
        total: 10,
    });
    next.resume().await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(world.attempts("b").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_09_what_may_not_run_ends_untried() {
    let (world, invoker) = World::begin(10);
    world.settings.lock().unwrap().reserved_concurrency = Some(0);
    send(&invoker, "f", "a").await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!((world.attempts("a").len(), world.told()), (0, vec!["failed".to_owned()]));
    assert!(send(&invoker, "missing", "b").await.is_err());
}
