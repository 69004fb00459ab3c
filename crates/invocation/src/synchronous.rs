//! The synchronous invocation: resolve, check, admit, place, run.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lambda_model::{
    LambdaError,
    concurrency::Admission,
    error::ThrottleReason,
    function::{FunctionKey, state},
    invocation::{
        Invocation, InvocationOutcome,
        trace_header::{self, NewIds, Traced},
    },
    limits,
    ports::{ExecutionEnvironments, FunctionCatalog, MetricSink, ResolvedFunction},
};

use tokio::time::{Instant, sleep};

use crate::admission::{Admitted, ConcurrencyLedger};

/// The longest wait for requests a second; what waits longer goes back to where it came from.
const RATE_WAIT_MAX: Duration = Duration::from_secs(1);
/// The wait between two looks, on the average.
const RATE_PAUSE: Duration = Duration::from_millis(20);

/// Runs invocations for callers who wait.
pub struct Invoker {
    catalog: Arc<dyn FunctionCatalog>,
    environments: Arc<dyn ExecutionEnvironments>,
    metrics: Arc<dyn MetricSink>,
    ledger: ConcurrencyLedger,
    limits: AccountLimits,
}

/// What each account may use in each Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLimits {
    /// Concurrent executions.
    pub concurrency_max: u32,
    /// Requests per second for each unit of concurrency (C-03).
    pub requests_per_second: u32,
}

/// What to invoke.
pub struct InvokeRequest {
    /// The function.
    pub key: FunctionKey,
    /// `$LATEST`, a version or an alias; `$LATEST` when absent.
    pub qualifier: Option<String>,
    /// The event.
    pub invocation: Invocation,
}

/// What came of it.
pub struct Invoked {
    /// `X-Amz-Executed-Version`.
    pub executed_version: String,
    /// `X-Amzn-Trace-Id`.
    pub trace_id: String,
    /// How it ended.
    pub outcome: InvocationOutcome,
}

impl Invoker {
    /// Over these functions and environments.
    pub fn new(
        catalog: Arc<dyn FunctionCatalog>,
        environments: Arc<dyn ExecutionEnvironments>,
        metrics: Arc<dyn MetricSink>,
        limits: AccountLimits,
    ) -> Self {
        let ledger = ConcurrencyLedger::new(limits.requests_per_second);
        Self { catalog, environments, metrics, ledger, limits }
    }

    /// Whether the caller could invoke the function now, without doing so (`DryRun`).
    ///
    /// # Errors
    /// What [`Invoker::invoke`] would answer before it asks for concurrency.
    pub fn check(&self, key: &FunctionKey, qualifier: Option<&str>) -> Result<ResolvedFunction, LambdaError> {
        let function = self.catalog.resolve(key, qualifier, fastrand::f64())?;
        state::check_invocable(function.state)?;
        Ok(function)
    }

    /// Runs an invocation to its end.
    ///
    /// # Errors
    /// 404, 409, 429 and whatever keeps an environment from starting. An error of the function is an outcome (E-01).
    pub async fn invoke(&self, request: InvokeRequest) -> Result<Invoked, LambdaError> {
        let function = self.check(&request.key, request.qualifier.as_deref())?;
        let mut invocation = request.invocation;
        let trace_id = self.trace(&function, &mut invocation)?;
        let admitted = match invocation.is_patient {
            true => self.admit_in_time(&function).await?,
            false => self.admit(&function)?,
        };
        let outcome = self.run(&function, admitted, invocation).await?;
        Ok(Invoked { executed_version: function.version.version.clone(), trace_id, outcome })
    }

    /// Completes the trace header of an invocation (Z-01); what it is then.
    ///
    /// # Errors
    /// When the function calls itself in a loop.
    pub(crate) fn trace(
        &self,
        function: &ResolvedFunction,
        invocation: &mut Invocation,
    ) -> Result<String, LambdaError> {
        let Traced { header, hops } = traced(function, invocation.trace_id.as_deref());
        if hops >= limits::RECURSION_HOPS_MAX && !function.allows_recursion {
            let (key, version) = (&function.version.key, &function.version.version);
            self.metrics.recursive_invocation_dropped(key, version);
            return Err(LambdaError::RecursiveInvocation);
        }
        invocation.trace_id = Some(header.clone());
        Ok(header)
    }

    /// Runs an admitted invocation to its end.
    pub(crate) async fn run(
        &self,
        function: &ResolvedFunction,
        admitted: Admitted,
        invocation: Invocation,
    ) -> Result<InvocationOutcome, LambdaError> {
        let (key, version) = (&function.version.key, &function.version.version);
        let outcome =
            self.environments.invoke(Arc::clone(&function.version), invocation, admitted.place).await;
        drop(admitted);
        if let Err(error) = &outcome {
            self.count_failure(key, version, error);
        }
        outcome
    }

    /// A place for an invocation that can wait: for requests a second it does, a while.
    async fn admit_in_time(&self, function: &ResolvedFunction) -> Result<Admitted, LambdaError> {
        let until = Instant::now() + RATE_WAIT_MAX;
        loop {
            let asked = self.ask_for_place(function, true);
            if !asked.as_ref().is_err_and(|reason| reason.is_rate()) || Instant::now() >= until {
                return self.count(function, asked);
            }
            // Not all at once, and not too often: what comes in meanwhile is enough for many.
            sleep(RATE_PAUSE.mul_f64(0.5 + fastrand::f64())).await;
        }
    }

    /// A place for one more invocation; counts it, or its refusal.
    pub(crate) fn admit(&self, function: &ResolvedFunction) -> Result<Admitted, LambdaError> {
        self.count(function, self.ask_for_place(function, false))
    }

    fn count(
        &self,
        function: &ResolvedFunction,
        asked: Result<Admitted, ThrottleReason>,
    ) -> Result<Admitted, LambdaError> {
        let (key, version) = (&function.version.key, &function.version.version);
        let admitted = asked.map_err(|reason| {
            self.metrics.throttled(key, version, reason);
            LambdaError::TooManyRequests(reason)
        })?;
        if function.provisioned > 0 {
            self.metrics.provisioned_invocation(key, version, admitted.place);
        }
        self.metrics.invocation_started(key, version);
        Ok(admitted)
    }

    fn ask_for_place(
        &self,
        function: &ResolvedFunction,
        is_patient: bool,
    ) -> Result<Admitted, ThrottleReason> {
        let (key, version) = (&function.version.key, &function.version.version);
        let ready =
            if function.provisioned > 0 { self.environments.provisioned(key, version).ready } else { 0 };
        let limits = Admission {
            unreserved_max: self.limits.concurrency_max.saturating_sub(function.account_taken),
            reserved: function.reserved_concurrency,
            provisioned: ready,
            provisioned_of_function: function.provisioned_of_function,
        };
        self.ledger.admit(key, version, limits, self.limits.concurrency_max, is_patient)
    }

    #[cfg(test)]
    pub(crate) fn ledger_in_use(&self) -> u32 {
        self.ledger.unreserved_in_use("000000000000", "us-east-1")
    }

    /// An invocation that no environment could run is not one (I-06).
    fn count_failure(&self, key: &FunctionKey, version: &str, error: &LambdaError) {
        self.metrics.invocation_ended(key, version, None);
        if let LambdaError::TooManyRequests(reason) = error {
            self.metrics.throttled(key, version, *reason);
        }
    }
}

fn traced(function: &ResolvedFunction, given: Option<&str>) -> Traced {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let new = NewIds {
        now_seconds: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
        root: fastrand::u128(..),
        segment: fastrand::u64(..),
    };
    let is_active = function.version.configuration.tracing_mode == "Active";
    trace_header::of_invocation(given, &function.version.key.arn(), is_active, new)
}
