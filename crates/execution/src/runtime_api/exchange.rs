//! The hand-over between the driver of an environment and the calls of its runtime.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use lambda_model::{
    concurrency::Rate,
    environment::{RuntimeState, RuntimeTransition},
    invocation::{Invocation, error_cause::ErrorCause},
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

/// What the runtime did, for the driver.
#[derive(Debug)]
pub(crate) enum RuntimeEvent {
    /// It asked for the next event and has none.
    Ready,
    /// It could not initialise.
    InitError {
        /// Sanitised type.
        error_type: String,
        /// Its own words.
        body: Bytes,
    },
    /// It answered the current event.
    Response(Bytes),
    /// It reported an error for the current event.
    Error(Bytes),
    /// Its answer was larger than so many bytes.
    Oversized {
        /// What is allowed.
        bytes_max: usize,
    },
    /// Its answer broke off, or was announced in a mode that does not exist; carries type and message of the function error.
    Broken {
        /// Such as `Runtime.TruncatedResponse`.
        error_type: &'static str,
    },
}

/// An event with its deadline.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The event.
    pub invocation: Arc<Invocation>,
    /// Unix time, milliseconds.
    pub deadline_ms: u64,
}

/// See the module's doc.
pub(crate) struct Exchange {
    inner: Mutex<Inner>,
    delivered: Notify,
    events: mpsc::UnboundedSender<RuntimeEvent>,
    /// How fast streamed responses go, bytes (P-02).
    pub(super) streaming: Rate,
}

struct Inner {
    state: RuntimeState,
    /// Waits for the runtime's `next`.
    pending: Option<Delivery>,
    /// Taken and not answered.
    current: Option<Arc<Invocation>>,
    /// Of the last error, as far as the runtime told.
    error_cause: Option<ErrorCause>,
    timings: Timings,
}

/// When what happened to the last event, for telemetry (T-04).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timings {
    /// It was there for the runtime.
    pub delivered: Option<Instant>,
    /// The answer began to come.
    pub answer_began: Option<Instant>,
    /// The answer was whole.
    pub answer_ended: Option<Instant>,
    /// Of the answer; of a streamed one what was passed on.
    pub produced_bytes: u64,
}

impl Inner {
    fn of_a_new_runtime() -> Self {
        Self {
            state: RuntimeState::Started,
            pending: None,
            current: None,
            error_cause: None,
            timings: Timings::default(),
        }
    }
}

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    ///
    InvalidRequestId,
    /// R-05, with its message.
    InvalidTransition(String),
}

impl Exchange {
    pub(crate) fn new(events: mpsc::UnboundedSender<RuntimeEvent>, streaming: Rate) -> Self {
        Self { inner: Mutex::new(Inner::of_a_new_runtime()), delivered: Notify::new(), events, streaming }
    }

    /// Gives the runtime an event; it takes it with its waiting, or its next, call of `next`.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        let mut inner = self.lock();
        inner.pending = Some(delivery);
        inner.error_cause = None;
        inner.timings = Timings { delivered: Some(Instant::now()), ..Timings::default() };
        drop(inner);
        self.delivered.notify_waiters();
    }

    /// When what happened to the last event.
    pub(crate) fn timings(&self) -> Timings {
        self.lock().timings
    }

    /// The cause of the last error, for its trace.
    pub(crate) fn take_error_cause(&self) -> Option<ErrorCause> {
        self.lock().error_cause.take()
    }

    /// Keeps the cause of an error that is told next.
    pub(super) fn keep_error_cause(&self, cause: Option<ErrorCause>) {
        self.lock().error_cause = cause;
    }

    /// More of the answer to the current event has come.
    pub(super) fn answer_grows(&self, bytes: usize) {
        let timings = &mut self.lock().timings;
        timings.answer_began.get_or_insert_with(Instant::now);
        timings.produced_bytes += bytes as u64;
    }

    /// Forgets everything about a runtime whose process is gone; the next one starts from `Started`.
    pub(crate) fn reset(&self) {
        *self.lock() = Inner::of_a_new_runtime();
    }

    /// Waits for an event on behalf of the runtime's `next`.
    pub(super) async fn next(&self) -> Result<Delivery, Refusal> {
        self.announce_next()?;
        loop {
            let delivered = self.delivered.notified();
            tokio::pin!(delivered);
            // Registered before the look, so that an event put in between wakes us.
            delivered.as_mut().enable();
            if let Some(delivery) = self.take_pending() {
                return Ok(delivery);
            }
            delivered.await;
        }
    }

    fn announce_next(&self) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let before = inner.state;
        inner.state = before.apply(RuntimeTransition::Next).map_err(Refusal::InvalidTransition)?;
        if inner.state == RuntimeState::Ready && before != RuntimeState::Ready {
            inner.current = None;
            self.send(RuntimeEvent::Ready);
        }
        Ok(())
    }

    fn take_pending(&self) -> Option<Delivery> {
        let mut inner = self.lock();
        if inner.state != RuntimeState::Ready {
            return None;
        }
        let delivery = inner.pending.take()?;
        inner.state = RuntimeState::Running;
        inner.current = Some(Arc::clone(&delivery.invocation));
        Some(delivery)
    }

    /// The unanswered invocation, if `id` is its. Checked before any state transition.
    pub(super) fn current(&self, id: &str) -> Result<Arc<Invocation>, Refusal> {
        let current = self.lock().current.clone();
        current.filter(|invocation| invocation.request_id == id).ok_or(Refusal::InvalidRequestId)
    }

    /// Records the runtime's answer to the current invocation and passes it on.
    pub(super) fn answer(
        &self,
        id: &str,
        transition: RuntimeTransition,
        event: RuntimeEvent,
    ) -> Result<(), Refusal> {
        let mut inner = self.lock();
        // Again: another call may have answered while this one's body came in.
        if inner.current.as_ref().is_none_or(|invocation| invocation.request_id != id) {
            return Err(Refusal::InvalidRequestId);
        }
        inner.state = inner.state.apply(transition).map_err(Refusal::InvalidTransition)?;
        inner.current = None;
        let now = Instant::now();
        inner.timings.answer_began.get_or_insert(now);
        inner.timings.answer_ended = Some(now);
        self.send(event);
        Ok(())
    }

    /// Records that the runtime could not initialise.
    pub(super) fn init_error(&self, event: RuntimeEvent) -> Result<(), Refusal> {
        let mut inner = self.lock();
        inner.state = inner.state.apply(RuntimeTransition::InitError).map_err(Refusal::InvalidTransition)?;
        self.send(event);
        Ok(())
    }

    fn send(&self, event: RuntimeEvent) {
        // The driver may be gone already: then nobody wants to know.
        let _ = self.events.send(event);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
