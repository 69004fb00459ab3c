//! One invocation: delivered, answered or ended by the platform, reported (B.1, B.5, B.6).

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use lambda_model::{
    billing,
    environment::Phase,
    invocation::{FunctionErrorKind, Invocation, InvocationOutcome, Measurements},
    platform_log::{self, InitPhase, Report, ReportStatus},
};
use sandbox::SandboxError;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Environment,
    initialize::{Initialized, control_broken, micros_since},
    outcome::describe_exit,
};
use crate::{
    clock,
    pool::{CameFrom, Pool, Request},
    runtime_api::{Delivery, RuntimeEvent},
};

type Reply = oneshot::Sender<Result<InvocationOutcome, lambda_model::LambdaError>>;

/// How an invocation ended, before its report.
struct Ended {
    outcome: InvocationOutcome,
    status: Status,
    /// Whether the runtime is still usable.
    runtime_is_well: bool,
}

/// The end of the REPORT line.
enum Status {
    Fine,
    Timeout,
    Error(String),
}

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
        let mut ended = match self.make_ready(&invocation, deadline).await? {
            Some(failed) => {
                self.log.platform(&platform_log::start(&invocation.request_id, &self.version.version));
                failed
            }
            None => {
                self.log.platform(&platform_log::start(&invocation.request_id, &self.version.version));
                self.phase = Phase::Busy;
                self.deliver(&invocation, deadline);
                self.wait_for_answer(&invocation, deadline).await?
            }
        };
        let reply_now = !invocation.wants_log_tail;
        if reply_now {
            send(&mut reply, ended.outcome.clone());
        }
        let came_from = if ended.runtime_is_well {
            pool.is_finishing();
            self.wait_for_next(&invocation, deadline, &mut ended).await?;
            self.settle_finishing(pool, ended.runtime_is_well)
        } else {
            CameFrom::Invocation
        };
        self.report(&invocation, started, &mut ended);
        if !ended.runtime_is_well {
            self.spoil();
        }
        ended.outcome.log_tail = self.log.take_tail();
        self.count(&ended);
        send(&mut reply, ended.outcome);
        Ok(came_from)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.version.configuration.timeout_seconds).unwrap_or(1))
    }

    /// Initialises a spoiled runtime inside the invocation. `Some` when that already ends it.
    async fn make_ready(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<Option<Ended>, SandboxError> {
        if self.phase != Phase::Spoiled {
            return Ok(None);
        }
        self.phase = Phase::Reinitializing;
        let started = Instant::now();
        let initialized = self.start_runtime(deadline).await?;
        self.report_failed_init(started, InitPhase::Invoke, &initialized);
        Ok(match initialized {
            Initialized::Ready => None,
            Initialized::TimedOut => Some(self.timed_out(invocation)),
            Initialized::Exited(status) => Some(exited(invocation, describe_exit(status))),
            Initialized::Unstartable { error_type, message } => {
                Some(unstartable(invocation, error_type, &message))
            }
            Initialized::Error { error_type, body } => Some(Ended {
                outcome: InvocationOutcome::function_error(body),
                status: Status::Error(error_type),
                runtime_is_well: false,
            }),
        })
    }

    fn deliver(&self, invocation: &Arc<Invocation>, deadline: Instant) {
        let deadline_ms = clock::unix_ms() + millis_until(deadline);
        self.api.exchange.deliver(Delivery { invocation: Arc::clone(invocation), deadline_ms });
    }

    async fn wait_for_answer(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<Ended, SandboxError> {
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => {
                    if let Some(ended) = event.and_then(|event| ended_by(invocation, event)) {
                        return Ok(ended);
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Ok(self.timed_out(invocation)),
                exited_now = Self::control_readable(&self.control) => {
                    exited_now.map_err(control_broken)?;
                    if let Some(status) = self.runtime_exit() {
                        // An answer that came before the exit stands.
                        let answer = std::iter::from_fn(|| self.events.try_recv().ok())
                            .find_map(|event| ended_by(invocation, event));
                        let mut ended = answer.unwrap_or_else(|| exited(invocation, describe_exit(status)));
                        ended.runtime_is_well = false;
                        return Ok(ended);
                    }
                }
                () = self.log.read_when_ready() => {}
            }
        }
    }

    /// After the answer: the invocation is over when the runtime asks for more (L-08).
    async fn wait_for_next(
        &mut self,
        invocation: &Invocation,
        deadline: Instant,
        ended: &mut Ended,
    ) -> Result<(), SandboxError> {
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => {
                    if matches!(event, Some(RuntimeEvent::Ready)) {
                        self.phase = Phase::Idle;
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    let timed_out = self.timed_out(invocation);
                    (ended.status, ended.runtime_is_well) = (timed_out.status, false);
                    return Ok(());
                }
                exited_now = Self::control_readable(&self.control) => {
                    exited_now.map_err(control_broken)?;
                    if self.runtime_exit().is_some() {
                        (ended.status, ended.runtime_is_well) = (Status::Error("Runtime.ExitError".into()), false);
                        return Ok(());
                    }
                }
                () = self.log.read_when_ready() => {}
            }
        }
    }

    fn settle_finishing(&self, pool: &Pool, runtime_is_well: bool) -> CameFrom {
        if runtime_is_well {
            return CameFrom::Finishing;
        }
        pool.is_not_finishing();
        CameFrom::Invocation
    }

    fn timed_out(&mut self, invocation: &Invocation) -> Ended {
        let seconds = self.version.configuration.timeout_seconds;
        Ended {
            outcome: InvocationOutcome::timed_out(&invocation.request_id, seconds),
            status: Status::Timeout,
            runtime_is_well: false,
        }
    }

    /// The last lines of an invocation, and its figures.
    fn report(&mut self, invocation: &Invocation, started: Instant, ended: &mut Ended) {
        let duration_us = self.reported_duration_us(started, &ended.status);
        let init_us = self.unreported_init_us.take();
        let memory_used_max_mb = self.memory_used_max_mb();
        let measurements = Measurements {
            duration_us,
            billed_duration_ms: billing::billed_duration_ms(init_us, duration_us),
            init_us,
            memory_used_max_mb,
        };
        self.log.drain();
        if let Some(line) =
            failure_line(&invocation.request_id, self.version.configuration.timeout_seconds, ended)
        {
            self.log.platform(&line);
        }
        self.log.platform(&platform_log::end(&invocation.request_id));
        let status = match &ended.status {
            Status::Fine => None,
            Status::Timeout => Some(ReportStatus::Timeout),
            Status::Error(kind) => Some(ReportStatus::Error(kind)),
        };
        self.log.platform(&platform_log::report(&Report {
            request_id: &invocation.request_id,
            duration_us,
            billed_duration_ms: measurements.billed_duration_ms,
            memory_size_mb: self.version.configuration.memory_size_mb,
            memory_used_max_mb,
            init_us,
            status,
        }));
        ended.outcome.measurements = Some(measurements);
    }

    /// A timed-out invocation lasted exactly its timeout, whenever the timer's thread ran.
    fn reported_duration_us(&self, started: Instant, status: &Status) -> u64 {
        match status {
            Status::Timeout => u64::try_from(self.timeout().as_micros()).unwrap_or(u64::MAX),
            _ => micros_since(started),
        }
    }

    fn memory_used_max_mb(&mut self) -> u64 {
        self.sandbox.memory_peak_bytes().unwrap_or(0).div_ceil(1024 * 1024)
    }

    fn count(&self, ended: &Ended) {
        let end = lambda_model::ports::InvocationEnd {
            is_error: ended.outcome.error.is_some(),
            measurements: ended.outcome.measurements,
        };
        self.context.metrics.invocation_ended(&self.version.key, &self.version.version, Some(end));
    }
}

fn send(reply: &mut Option<Reply>, outcome: InvocationOutcome) {
    if let Some(reply) = reply.take() {
        // A caller that has gone away does not change what happened.
        let _ = reply.send(Ok(outcome));
    }
}

fn ended_by(invocation: &Invocation, event: RuntimeEvent) -> Option<Ended> {
    let (outcome, status) = match event {
        RuntimeEvent::Response(body) => (InvocationOutcome::response(body), Status::Fine),
        RuntimeEvent::Error(body) => (InvocationOutcome::function_error(body), Status::Fine),
        RuntimeEvent::Oversized { bytes_max } => (
            InvocationOutcome::response_too_large(bytes_max),
            Status::Error("Function.ResponseSizeTooLarge".into()),
        ),
        RuntimeEvent::Broken { error_type } => {
            let message = format!("RequestId: {} Error: {error_type}", invocation.request_id);
            (InvocationOutcome::platform_error(error_type, &message), Status::Error(error_type.into()))
        }
        RuntimeEvent::Ready | RuntimeEvent::InitError { .. } => return None,
    };
    Some(Ended { outcome, status, runtime_is_well: true })
}

fn exited(invocation: &Invocation, end: Option<String>) -> Ended {
    Ended {
        outcome: InvocationOutcome::runtime_exited(&invocation.request_id, end.as_deref()),
        status: Status::Error("Runtime.ExitError".into()),
        runtime_is_well: false,
    }
}

fn unstartable(invocation: &Invocation, error_type: &str, message: &str) -> Ended {
    let message = format!("RequestId: {} Error: {message}", invocation.request_id);
    Ended {
        outcome: InvocationOutcome::platform_error(error_type, &message),
        status: Status::Error(error_type.into()),
        runtime_is_well: false,
    }
}

/// What the log says before END when the platform ended the invocation.
fn failure_line(request_id: &str, timeout_seconds: i64, ended: &Ended) -> Option<String> {
    match &ended.status {
        Status::Fine => None,
        Status::Timeout => {
            let now = clock::iso8601_ms();
            Some(format!("{now} {request_id} Task timed out after {timeout_seconds}.00 seconds\n\n"))
        }
        Status::Error(kind) if ended.outcome.error == Some(FunctionErrorKind::Platform) => {
            Some(format!("{}\n{kind}\n", platform_message(&ended.outcome.payload)))
        }
        Status::Error(kind) => Some(format!("Unknown application error occurred\n{kind}\n")),
    }
}

fn platform_message(payload: &Bytes) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    let message = parsed.as_ref().and_then(|value| value.get("errorMessage")?.as_str());
    message.unwrap_or("Unknown application error occurred").to_owned()
}

fn millis_until(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
