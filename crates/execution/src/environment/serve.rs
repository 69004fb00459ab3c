//! One invocation: delivered, answered or ended by the platform, reported (B.1, B.5, B.6).
//!
//! ```text
//! make_ready ─► Start ─► deliver ─► wait_for_answer ─► reply ─► wait_for_next ─► RuntimeDone, Report ─► reset, if it went wrong
//! ```
//! The caller has the response as soon as the runtime gave it; the invocation is over when runtime and extensions ask for more
//! (L-08). An invocation that the platform ends is answered after the reset, so that the next one finds the environment ready.

use std::{sync::Arc, time::Duration};

use lambda_model::{
    environment::{Phase, ShutdownReason},
    invocation::{Invocation, InvocationOutcome},
    platform_log::{InitPhase, PlatformEvent, Start, Status},
};
use sandbox::SandboxError;
use tokio::{sync::oneshot, task::yield_now, time::Instant};

use super::{
    Environment,
    initialize::Initialized,
    news::News,
    outcome::{Ended, describe_exit},
    processes::Exit,
    report::{Finished, trace_context},
};
use crate::{
    clock,
    extensions_api::InvokeEvent,
    pool::{CameFrom, Pool, Request},
    runtime_api::{Delivery, RuntimeEvent},
};

type Reply = oneshot::Sender<Result<InvocationOutcome, lambda_model::LambdaError>>;

impl Environment {
    /// Runs `request` to its end. `Err` means that the sandbox failed and the environment must go.
    pub(super) async fn serve(
        &mut self,
        pool: &Arc<Pool>,
        request: Request,
    ) -> Result<CameFrom, SandboxError> {
        let Request { invocation, reply } = request;
        let mut reply = Some(reply);
        let started = Instant::now();
        let deadline = started + self.timeout();
        if invocation.wants_log_tail {
            self.log.start_tail();
        }
        let failed = self.make_ready(&invocation, deadline).await?;
        let start = self.start_of(&invocation);
        self.log.make_room_soon_for(&start);
        if failed.is_none() {
            self.phase = Phase::Busy;
            self.deliver(&invocation, deadline);
            // The event first. What the runtime prints is read later, by this task.
            yield_now().await;
        }
        self.launching = None;
        self.log.tell_next(&start);
        let mut ended = match failed {
            Some(failed) => failed,
            None => self.wait_for_answer(&invocation, deadline).await?,
        };
        self.context.attention.event();
        if ended.is_well {
            pool.is_finishing(self.id);
        }
        if ended.is_well && !invocation.wants_log_tail {
            send(&mut reply, ended.outcome.clone());
            // The answer first: what is told of the invocation can wait that long.
            yield_now().await;
        }
        let came_from = self.finish(pool, (&invocation, started, deadline), &mut ended).await?;
        if !ended.is_well {
            Box::pin(self.reset(reset_reason(&ended.status))).await;
        }
        if invocation.is_patient {
            // An event of a queue is settled now, on disk: nobody is to find it gone and no word of it in the log.
            self.log.hurry();
        }
        ended.outcome.log_tail = self.log.take_tail();
        self.count(&ended);
        send(&mut reply, ended.outcome);
        Ok(came_from)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.version.configuration.timeout_seconds).unwrap_or(1))
    }

    /// Initialises a spoiled environment inside the invocation. `Some` when that already ends it.
    async fn make_ready(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<Option<Ended>, SandboxError> {
        if self.phase != Phase::Spoiled {
            return Ok(None);
        }
        self.phase = Phase::Reinitializing;
        // Elsewhere, as the reset is: neither is part of most invocations, and either is larger than all the rest.
        Ok(match Box::pin(self.run_init(InitPhase::Invoke, deadline)).await? {
            Initialized::Ready => None,
            Initialized::TimedOut => Some(self.timed_out(invocation)),
            Initialized::Exited(status) => Some(Ended::exited(invocation, describe_exit(status))),
            Initialized::Failed { error_type, message } => {
                Some(Ended::failed(invocation, error_type, &message))
            }
            Initialized::Error { error_type, body } => Some(Ended {
                outcome: InvocationOutcome::function_error(body),
                status: Status::Error(error_type),
                is_well: false,
            }),
        })
    }

    fn start_of(&self, invocation: &Invocation) -> PlatformEvent {
        PlatformEvent::Start(Start {
            request_id: invocation.request_id.clone(),
            version: self.version.version.clone(),
            tracing: trace_context(invocation),
        })
    }

    fn deliver(&self, invocation: &Arc<Invocation>, deadline: Instant) {
        let deadline_ms = clock::unix_ms() + millis_until(deadline);
        self.api.shared.extensions.deliver_invoke(&InvokeEvent {
            request_id: &invocation.request_id,
            invoked_function_arn: &invocation.invoked_function_arn,
            trace_id: invocation.trace_id.as_deref(),
            deadline_ms,
        });
        self.api.shared.runtime.deliver(Delivery { invocation: Arc::clone(invocation), deadline_ms });
    }

    async fn wait_for_answer(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<Ended, SandboxError> {
        loop {
            match self.news(deadline).await? {
                News::Runtime(event) => {
                    if let Some(ended) = Ended::by(invocation, event) {
                        return Ok(ended);
                    }
                }
                News::TimeIsUp => return Ok(self.timed_out(invocation)),
                News::Exit(exit) => {
                    // An answer that came before the exit stands.
                    let answer = std::iter::from_fn(|| self.events.try_recv().ok())
                        .find_map(|event| Ended::by(invocation, event));
                    let mut ended = answer.unwrap_or_else(|| self.ended_by_exit(invocation, &exit));
                    ended.is_well = false;
                    return Ok(ended);
                }
                News::Extensions => {
                    if let Some(kind) = self.api.shared.extensions.internal_failure() {
                        return Ok(Ended::failed(invocation, kind, kind));
                    }
                }
            }
        }
    }

    /// After the answer: waits for the end of the invocation, tells of it, and says where the environment stands then.
    async fn finish(
        &mut self,
        pool: &Pool,
        (invocation, started, deadline): (&Invocation, Instant, Instant),
        ended: &mut Ended,
    ) -> Result<CameFrom, SandboxError> {
        let mut finished = Finished { runtime_done: Instant::now(), extensions_done: None };
        let mut came_from = CameFrom::Invocation;
        if ended.is_well {
            self.wait_for_next(invocation, deadline, ended, &mut finished).await?;
            if ended.is_well {
                came_from = CameFrom::Finishing;
            } else {
                pool.is_not_finishing(self.id);
            }
        }
        self.report(invocation, started, ended, &finished);
        self.keep_segment(invocation, started, ended);
        Ok(came_from)
    }

    /// Waits until runtime and extensions ask for more.
    async fn wait_for_next(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
        ended: &mut Ended,
        finished: &mut Finished,
    ) -> Result<(), SandboxError> {
        let mut is_runtime_done = false;
        loop {
            if is_runtime_done && self.api.shared.extensions.all_ready() {
                if finished.extensions_done.is_some() {
                    finished.extensions_done = Some(Instant::now());
                }
                self.phase = Phase::Idle;
                return Ok(());
            }
            let spoiled = match self.news(deadline).await? {
                News::Runtime(RuntimeEvent::Ready) => {
                    is_runtime_done = true;
                    finished.runtime_done = Instant::now();
                    let has_extensions = !self.api.shared.extensions.are_none();
                    finished.extensions_done = has_extensions.then(Instant::now);
                    None
                }
                News::Runtime(_) => None,
                News::TimeIsUp => Some(self.timed_out(invocation).status),
                News::Exit(exit) => Some(self.ended_by_exit(invocation, &exit).status),
                News::Extensions => {
                    self.api.shared.extensions.internal_failure().map(|kind| Status::Error(kind.into()))
                }
            };
            if let Some(status) = spoiled {
                (ended.status, ended.is_well) = (status, false);
                return Ok(());
            }
        }
    }

    fn ended_by_exit(&self, invocation: &Invocation, exit: &Exit) -> Ended {
        match exit {
            Exit::Runtime(status) => Ended::exited(invocation, describe_exit(*status)),
            Exit::Extension(status) => {
                let message = describe_exit(*status).unwrap_or_else(|| "exit code 0".into());
                Ended::failed(invocation, self.api.shared.extensions.failure(), &message)
            }
        }
    }

    fn timed_out(&self, invocation: &Invocation) -> Ended {
        let seconds = self.version.configuration.timeout_seconds;
        Ended {
            outcome: InvocationOutcome::timed_out(&invocation.request_id, seconds),
            status: Status::Timeout,
            is_well: false,
        }
    }

    fn count(&self, ended: &Ended) {
        let end = lambda_model::ports::InvocationEnd {
            is_error: ended.outcome.error.is_some(),
            measurements: ended.outcome.measurements,
        };
        self.context.metrics.invocation_ended(&self.version.key, &self.version.version, Some(end));
    }
}

fn reset_reason(status: &Status) -> ShutdownReason {
    match status {
        Status::Timeout => ShutdownReason::Timeout,
        Status::Success | Status::Error(_) => ShutdownReason::Failure,
    }
}

fn send(reply: &mut Option<Reply>, outcome: InvocationOutcome) {
    if let Some(reply) = reply.take() {
        // A caller that has gone away does not change what happened.
        let _ = reply.send(Ok(outcome));
    }
}

fn millis_until(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
