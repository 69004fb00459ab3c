//! Environments that answer, fail, refuse and hang, as the dice fall; and the functions that run in them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionState},
    invocation::{
        Invocation, InvocationOutcome,
        asynchronous::{DeliveryKind, RetryPolicy, destination_record::Targets},
    },
    ports::{
        AsyncSettings, BoxFuture, ExecutionEnvironments, FunctionCatalog, InvocationEnd, MetricSink,
        ResolvedFunction, RunnableVersion,
    },
};
use tokio::time::sleep;

use crate::{
    disk::lock,
    ledger::{Attempt, Ledger},
    run::Timeline,
};

/// How a function behaves, in 256ths of its attempts.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Errors.
    pub fails: u8,
    /// Attempts for which no environment can be had.
    pub refuses: u8,
    /// Longest run, milliseconds.
    pub run_ms_max: u64,
    /// When it is tried again.
    pub policy: RetryPolicy,
}

/// See the module's doc.
pub struct World {
    functions: BTreeMap<String, Function>,
    ledger: Arc<Ledger>,
    timeline: Arc<Timeline>,
    random: Mutex<fastrand::Rng>,
}

impl World {
    /// With these functions.
    pub fn new(
        functions: BTreeMap<String, Function>,
        ledger: Arc<Ledger>,
        timeline: Arc<Timeline>,
        random: fastrand::Rng,
    ) -> Arc<Self> {
        Arc::new(Self { functions, ledger, timeline, random: Mutex::new(random) })
    }
}

/// A function of the simulation's account.
pub fn key(name: &str) -> FunctionKey {
    FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

impl FunctionCatalog for World {
    fn resolve(&self, key: &FunctionKey, _: Option<&str>, _: f64) -> Result<ResolvedFunction, LambdaError> {
        let version = RunnableVersion {
            key: key.clone(),
            version: "$LATEST".into(),
            deployment_id: "d".into(),
            configuration: FunctionConfiguration::default(),
            code: CodeReference { sha256_hex: String::new(), code_sha256: String::new(), code_size_bytes: 0 },
        };
        Ok(ResolvedFunction {
            version: Arc::new(version),
            state: FunctionState::Active,
            reserved_concurrency: None,
            account_taken: 0,
            provisioned: 0,
            provisioned_of_function: 0,
            allows_recursion: false,
        })
    }

    fn asynchronous(&self, key: &FunctionKey, _: Option<&str>) -> AsyncSettings {
        let target = |name: &str| Some(name.to_owned());
        AsyncSettings {
            policy: self
                .functions
                .get(&key.name)
                .map_or_else(RetryPolicy::default, |function| function.policy),
            targets: Targets { on_success: target("ok"), on_failure: target("failed"), dead_letter: None },
            reserved_concurrency: None,
        }
    }
}

impl ExecutionEnvironments for World {
    fn invoke(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
        _: Place,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>> {
        Box::pin(async move {
            let Some(function) = self.functions.get(&version.key.name) else {
                return Err(LambdaError::Service("there is no such function".into()));
            };
            let (refuses, fails, run_ms) = {
                let mut random = lock(&self.random);
                (random.u8(..), random.u8(..), random.u64(0..=function.run_ms_max))
            };
            if refuses < function.refuses {
                let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
                return Err(LambdaError::TooManyRequests(reason));
            }
            let request_id = invocation.request_id;
            let is_prompt = function.refuses == 0 && function.run_ms_max <= 100;
            let number = self.ledger.begins(&request_id, self.timeline.unix_ms(), is_prompt);
            sleep(Duration::from_millis(run_ms)).await;
            let (outcome, how) = if fails < function.fails {
                (InvocationOutcome::function_error(Bytes::from_static(b"{}")), Attempt::Failed)
            } else {
                (InvocationOutcome::response(Bytes::from_static(b"1")), Attempt::Succeeded)
            };
            self.ledger.ended(&request_id, number, how);
            Ok(outcome)
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
