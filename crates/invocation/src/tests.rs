//! The invoke path with environments that answer when the test says so.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionState},
    invocation::{Invocation, InvocationOutcome, asynchronous::DeliveryKind},
    ports::*,
};
use tokio::sync::Semaphore;

use crate::{AccountLimits, InvokeRequest, Invoker};

struct Fakes {
    gate: Semaphore,
    state: FunctionState,
    reserved: Option<u32>,
    ready: u32,
    throttles: AtomicU32,
    provisioned: AtomicU32,
}

impl FunctionCatalog for Fakes {
    fn resolve(&self, key: &FunctionKey, _: Option<&str>, _: f64) -> Result<ResolvedFunction, LambdaError> {
        if key.name == "missing" {
            return Err(LambdaError::function_not_found(&key.qualified_arn("$LATEST")));
        }
        Ok(ResolvedFunction {
            version: Arc::new(version(key)),
            state: self.state,
            reserved_concurrency: self.reserved,
            account_taken: 0,
            provisioned: self.ready,
            provisioned_of_function: self.ready,
            allows_recursion: false,
        })
    }

    fn asynchronous(&self, _: &FunctionKey, _: Option<&str>) -> AsyncSettings {
        AsyncSettings::default()
    }
}

impl ExecutionEnvironments for Fakes {
    fn invoke(
        &self,
        _: Arc<RunnableVersion>,
        _: Invocation,
        place: Place,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>> {
        if place == Place::Provisioned {
            self.provisioned.fetch_add(1, Ordering::Relaxed);
        }
        Box::pin(async {
            let _ = self.gate.acquire().await;
            Ok(InvocationOutcome::response(Bytes::from_static(b"1")))
        })
    }

    fn provision(&self, _: &FunctionKey, _: Vec<(Arc<RunnableVersion>, u32)>) {}

    fn provisioned(&self, _: &FunctionKey, _: &str) -> ProvisionedState {
        ProvisionedState { ready: self.ready, has_failed: false }
    }

    fn retire(&self, _: &FunctionKey, _: Option<&str>, _: Option<&str>) {}
}

impl MetricSink for Fakes {
    fn invocation_started(&self, _: &FunctionKey, _: &str) {}
    fn invocation_ended(&self, _: &FunctionKey, _: &str, _: Option<InvocationEnd>) {}
    fn throttled(&self, _: &FunctionKey, _: &str, _: ThrottleReason) {
        self.throttles.fetch_add(1, Ordering::Relaxed);
    }
    fn provisioned_invocation(&self, _: &FunctionKey, _: &str, _: Place) {}
    fn async_event_received(&self, _: &FunctionKey, _: &str) {}
    fn async_event_age(&self, _: &FunctionKey, _: &str, _: u64) {}
    fn async_event_dropped(&self, _: &FunctionKey, _: &str) {}
    fn recursive_invocation_dropped(&self, _: &FunctionKey, _: &str) {}
    fn delivery_failed(&self, _: &FunctionKey, _: &str, _: DeliveryKind) {}
    fn environment_started(&self, _: &FunctionKey) {}
}

fn key(name: &str) -> FunctionKey {
    FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

pub(crate) fn version(key: &FunctionKey) -> RunnableVersion {
    RunnableVersion {
        key: key.clone(),
        version: "$LATEST".into(),
        deployment_id: "r".into(),
        configuration: FunctionConfiguration {
            runtime: "python3.11".into(),
            handler: "a.b".into(),
            timeout_seconds: 3,
            memory_size_mb: 128,
            ephemeral_storage_mb: 512,
            environment: Some(BTreeMap::new()),
            architecture: "x86_64".into(),
            tracing_mode: "PassThrough".into(),
            ..FunctionConfiguration::default()
        },
        code: CodeReference { sha256_hex: String::new(), code_sha256: String::new(), code_size_bytes: 0 },
    }
}

fn request(name: &str) -> InvokeRequest {
    InvokeRequest {
        key: key(name),
        qualifier: None,
        invocation: Invocation {
            request_id: "id".into(),
            payload: Bytes::new(),
            invoked_function_arn: key(name).arn(),
            trace_id: None,
            client_context: None,
            cognito_identity: None,
            wants_log_tail: false,
            response_stream: None,
            is_patient: false,
        },
    }
}

fn fakes(state: FunctionState, reserved: Option<u32>) -> Arc<Fakes> {
    Arc::new(Fakes {
        gate: Semaphore::new(0),
        state,
        reserved,
        ready: 0,
        throttles: AtomicU32::new(0),
        provisioned: AtomicU32::new(0),
    })
}

fn invoker(fakes: &Arc<Fakes>, account_concurrency_max: u32) -> Arc<Invoker> {
    let limits = AccountLimits { concurrency_max: account_concurrency_max, requests_per_second: 10 };
    Arc::new(Invoker::new(fakes.clone(), fakes.clone(), fakes.clone(), limits))
}

#[tokio::test]
async fn the_place_over_the_limit_is_throttled_and_places_come_back() {
    let fakes = fakes(FunctionState::Active, None);
    let invoker = invoker(&fakes, 2);
    let running: Vec<_> = (0..2)
        .map(|_| {
            let invoker = Arc::clone(&invoker);
            tokio::spawn(async move { invoker.invoke(request("f")).await.map(|_| ()) })
        })
        .collect();
    while invoker.ledger_in_use() < 2 {
        tokio::task::yield_now().await;
    }
    let refused = invoker.invoke(request("f")).await.err();
    let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert_eq!(refused, Some(LambdaError::TooManyRequests(reason)));
    assert_eq!(fakes.throttles.load(Ordering::Relaxed), 1);
    fakes.gate.add_permits(3);
    for run in running {
        run.await.unwrap().unwrap();
    }
    assert_eq!(invoker.ledger_in_use(), 0);
    assert!(invoker.invoke(request("f")).await.is_ok());
}

#[tokio::test]
async fn reserved_concurrency_zero_refuses_everything() {
    let fakes = fakes(FunctionState::Active, Some(0));
    let refused = invoker(&fakes, 10).invoke(request("f")).await.err();
    let reason = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
    assert_eq!(refused, Some(LambdaError::TooManyRequests(reason)));
}

#[tokio::test]
async fn a_pending_function_conflicts_and_a_missing_one_is_not_found() {
    let fakes = fakes(FunctionState::Pending, None);
    let invoker = invoker(&fakes, 10);
    let pending = invoker.invoke(request("f")).await.err();
    assert!(matches!(pending, Some(LambdaError::ResourceConflict(_))), "{pending:?}");
    let missing = invoker.invoke(request("missing")).await.err();
    assert!(matches!(missing, Some(LambdaError::ResourceNotFound(_))), "{missing:?}");
}

#[tokio::test]
async fn provisioned_environments_are_used_first_and_beyond_them_it_spills_over() {
    let mut fakes = fakes(FunctionState::Active, None);
    Arc::get_mut(&mut fakes).unwrap().ready = 2;
    let invoker = invoker(&fakes, 5);
    let running: Vec<_> = (0..3)
        .map(|_| {
            let invoker = Arc::clone(&invoker);
            tokio::spawn(async move { invoker.invoke(request("f")).await.map(|_| ()) })
        })
        .collect();
    while invoker.ledger_in_use() < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fakes.provisioned.load(Ordering::Relaxed), 2);
    fakes.gate.add_permits(3);
    for run in running {
        run.await.unwrap().unwrap();
    }
    assert_eq!(invoker.ledger_in_use(), 0);
}

#[tokio::test]
async fn more_requests_per_second_than_ten_times_the_concurrency_are_throttled() {
    for (reserved, expected) in [
        (None, ThrottleReason::FunctionInvocationRateLimitExceeded),
        (Some(2), ThrottleReason::ReservedFunctionInvocationRateLimitExceeded),
    ] {
        let fakes = fakes(FunctionState::Active, reserved);
        fakes.gate.add_permits(1_000);
        let invoker = invoker(&fakes, 2);
        for _ in 0..20 {
            assert!(invoker.invoke(request("f")).await.is_ok());
        }
        let refused = invoker.invoke(request("f")).await.err();
        assert_eq!(refused, Some(LambdaError::TooManyRequests(expected)));
    }
}

/// Twenty requests a second: who waits for nobody leaves a tenth to others, and comes in time.
#[tokio::test(start_paused = true)]
async fn what_can_wait_waits_for_its_turn_and_leaves_some_to_who_cannot() {
    let fakes = fakes(FunctionState::Active, None);
    let invoker = invoker(&fakes, 2);
    fakes.gate.add_permits(1_000);
    let patient = || InvokeRequest {
        invocation: Invocation { is_patient: true, ..request("f").invocation },
        ..request("f")
    };
    let begun = tokio::time::Instant::now();
    for _ in 0..18 {
        invoker.invoke(patient()).await.unwrap();
    }
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    assert!(invoker.invoke(request("f")).await.is_ok() && invoker.invoke(request("f")).await.is_ok());
    assert!(invoker.invoke(request("f")).await.is_err());
    // Three turns: the two of the others, and its own.
    invoker.invoke(patient()).await.unwrap();
    let waited = begun.elapsed().as_millis();
    assert!((150..250).contains(&waited), "{waited} ms");
    assert_eq!(fakes.throttles.load(Ordering::Relaxed), 1);
}
