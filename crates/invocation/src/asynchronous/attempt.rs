//! One attempt at an event: run it, decide what follows, make that durable.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use lambda_model::{
    LambdaError,
    invocation::{
        Invocation,
        asynchronous::{
            AsyncEvent, AttemptEnd, Condition, EventId, Next, Progress, Settlement,
            destination_record::{Ending, Response},
        },
    },
    ports::{AsyncSettings, ClaimedEvent},
};
use tokio::time::sleep;

use super::{AsyncInvoker, pace::Went};
use crate::InvokeRequest;

/// The wait after an attempt that broke through a fault of ours, milliseconds.
const BROKEN_PAUSE_MS: i64 = 60_000;
/// The wait after a settlement that could not be made durable; it doubles with each further one.
const UNSETTLED_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such wait.
const UNSETTLED_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Attempts the event once and settles it, whatever happens.
pub(super) async fn attempt(owner: Arc<AsyncInvoker>, claimed: ClaimedEvent) -> Went {
    let (event, id, progress) = (claimed.event.clone(), claimed.id, claimed.progress);
    // Whatever a panic leaves behind is of this attempt alone.
    let attempted = AssertUnwindSafe(attempt_and_settle(Arc::clone(&owner), claimed)).catch_unwind().await;
    if let Ok(went) = attempted {
        return went;
    }
    tracing::error!(request_id = event.request_id, "an attempt broke");
    owner.give_back(event, id, progress).await;
    Went::Refused
}

async fn attempt_and_settle(owner: Arc<AsyncInvoker>, claimed: ClaimedEvent) -> Went {
    tracing::trace!(target: "crash_point", "attempt: begins");
    let ClaimedEvent { id, event, progress } = claimed;
    let settings = owner.catalog.asynchronous(&event.key, event.qualifier.as_deref());
    let accepted_at_ms = event.accepted_at_ms;
    let now_ms = owner.clock.now_ms();
    let refused = settings.policy.before_attempt(accepted_at_ms, now_ms, settings.reserved_concurrency);
    let (next, ran) = match refused {
        Some(condition) => (Next::End(condition), Ran::default()),
        None => {
            let ran = owner.run(&event, now_ms).await;
            tracing::trace!(target: "crash_point", "attempt: has an outcome");
            let ended_at_ms = owner.clock.now_ms();
            (settings.policy.after_attempt(accepted_at_ms, progress, ran.end, ended_at_ms), ran)
        }
    };
    tracing::trace!(target: "crash_point", "attempt: the rules have decided");
    let settlement = match next {
        Next::Attempt(due_at_ms, progress) => Settlement::Waits { due_at_ms, progress },
        Next::End(condition) => {
            let invoke_count = progress.errors + u32::from(ran.was_invoked());
            owner.end(&event, condition, invoke_count, &ran, settings)
        }
    };
    tracing::trace!(target: "crash_point", "attempt: is about to settle");
    owner.settle(&event, id, settlement).await;
    tracing::trace!(target: "crash_point", "attempt: is settled");
    ran.went()
}

/// What came of an attempt.
struct Ran {
    end: AttemptEnd,
    response: Option<Response>,
    trace_id: Option<String>,
}

impl Default for Ran {
    /// Nothing: it was not tried.
    fn default() -> Self {
        Self { end: AttemptEnd::Succeeded, response: None, trace_id: None }
    }
}

impl Ran {
    fn was_invoked(&self) -> bool {
        self.response.is_some() && matches!(self.end, AttemptEnd::Succeeded | AttemptEnd::FunctionError)
    }

    fn went(&self) -> Went {
        if self.end == AttemptEnd::Refused { Went::Refused } else { Went::Ran }
    }
}

impl AsyncInvoker {
    async fn run(&self, event: &AsyncEvent, now_ms: i64) -> Ran {
        let age_ms = u64::try_from(now_ms - event.accepted_at_ms).unwrap_or(0);
        self.metrics.async_event_age(&event.key, event.resource(), age_ms);
        let (request_id, payload) = (event.request_id.clone(), event.payload.clone());
        let invocation = Invocation {
            trace_id: event.trace_id.clone(),
            ..Invocation::of_event(request_id, payload, event.invoked_function_arn())
        };
        let request =
            InvokeRequest { key: event.key.clone(), qualifier: event.qualifier.clone(), invocation };
        tracing::trace!(target: "crash_point", "attempt: is about to invoke");
        match self.invoker.invoke(request).await {
            Ok(invoked) => {
                let is_function_error = invoked.outcome.error.is_some();
                let end = if is_function_error { AttemptEnd::FunctionError } else { AttemptEnd::Succeeded };
                let response = Response {
                    status: 200,
                    executed_version: invoked.executed_version,
                    is_function_error,
                    payload: invoked.outcome.payload,
                };
                Ran { end, response: Some(response), trace_id: Some(invoked.trace_id) }
            }
            Err(error) => refused(event, &error),
        }
    }

    /// What is left of an event that has ended.
    fn end(
        &self,
        event: &AsyncEvent,
        condition: Condition,
        invoke_count: u32,
        ran: &Ran,
        settings: AsyncSettings,
    ) -> Settlement {
        if condition != Condition::Success {
            self.metrics.async_event_dropped(&event.key, event.resource());
            tracing::info!(
                function = event.invoked_function_arn(),
                request_id = event.request_id,
                condition = condition.as_str(),
                "an event has ended without success"
            );
        }
        tracing::trace!(target: "crash_point", "attempt: the event has an end");
        let response = ran.response.as_ref();
        let now_ms = self.clock.now_ms();
        let trace_id = ran.trace_id.as_deref().or(event.trace_id.as_deref());
        let ending = Ending { event, condition, invoke_count, response, trace_id, now_ms };
        Settlement::Ended(ending.deliveries(settings.targets))
    }

    /// An attempt of ours broke: the event waits again.
    pub(super) async fn give_back(&self, event: AsyncEvent, id: EventId, progress: Progress) {
        let due_at_ms = self.clock.now_ms() + BROKEN_PAUSE_MS;
        let progress = Progress { refusals: progress.refusals.saturating_add(1), ..progress };
        self.settle(&event, id, Settlement::Waits { due_at_ms, progress }).await;
    }

    /// Settles, however long it takes: an outcome that is not kept would be lost.
    async fn settle(&self, event: &AsyncEvent, id: EventId, settlement: Settlement) {
        let mut pause = UNSETTLED_PAUSE_MIN;
        while let Err(error) = self.queue.settle(&event.key, id, settlement.clone()).await {
            tracing::error!(request_id = event.request_id, %error, "the end of an attempt could not be kept");
            sleep(pause).await;
            pause = (pause * 2).min(UNSETTLED_PAUSE_MAX);
        }
    }
}

/// An attempt that no environment ran.
fn refused(event: &AsyncEvent, error: &LambdaError) -> Ran {
    let (end, status) = match error {
        LambdaError::ResourceNotFound(_) => (AttemptEnd::FunctionGone, 404),
        LambdaError::RecursiveInvocation => (AttemptEnd::Looped, 400),
        LambdaError::TooManyRequests(_) => (AttemptEnd::Refused, 429),
        LambdaError::ResourceConflict(_) => (AttemptEnd::Refused, 409),
        _ => (AttemptEnd::Refused, 500),
    };
    let message = if status == 500 { "Service error." } else { &error.to_string() };
    let response = Response {
        status,
        executed_version: event.resource().to_owned(),
        is_function_error: false,
        payload: Bytes::copy_from_slice(message.as_bytes()),
    };
    Ran { end, response: Some(response), trace_id: None }
}
