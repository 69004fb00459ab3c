//! The asynchronous invocation: kept first, then attempted until it has ended (B.9).
//!
//! ```text
//! caller ──► accept ──► queue (disk) ──► 202
//!                          │ wakes
//!                          ▼
//!            backlog of the function: claim what is due, as much as its share allows
//!                          │ one task an event
//!                          ▼
//!            attempt: Invoker ──► outcome ──► rules ──► settle (disk)
//! ```
//! Each function has a backlog of its own, a task that lives while there is something in the queue for it: nobody waits behind the
//! events of another ([`lambda_model::invocation::asynchronous::share`]).

mod attempt;
mod backlog;
mod pace;
mod room;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    function::FunctionKey,
    invocation::asynchronous::AsyncEvent,
    ports::{AsyncInvocationQueue, Clock, FunctionCatalog, MetricSink},
};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, sleep},
};

use crate::Invoker;
use room::Room;

/// How often the end of the last attempts is looked for.
const END_POLL: Duration = Duration::from_millis(10);

/// Accepts events and sees to it that each of them ends.
pub struct AsyncInvoker {
    queue: Arc<dyn AsyncInvocationQueue>,
    catalog: Arc<dyn FunctionCatalog>,
    invoker: Arc<Invoker>,
    metrics: Arc<dyn MetricSink>,
    clock: Arc<dyn Clock>,
    room: Mutex<Room>,
    running: AtomicU32,
    /// The functions with a backlog, and how to wake it.
    backlogs: Mutex<HashMap<FunctionKey, Arc<Notify>>>,
    own: Weak<Self>,
    /// Where backlogs run: who brings events may be on a thread of its own.
    runtime: Handle,
    is_stopping: AtomicBool,
}

/// What an asynchronous invoker works with.
pub struct AsyncParts {
    /// Where events are kept.
    pub queue: Arc<dyn AsyncInvocationQueue>,
    /// The functions.
    pub catalog: Arc<dyn FunctionCatalog>,
    /// Runs attempts.
    pub invoker: Arc<Invoker>,
    /// Counts.
    pub metrics: Arc<dyn MetricSink>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Attempts that this server can run at a time.
    pub total: u32,
}

/// An event to accept.
pub struct AsyncRequest {
    /// The function.
    pub key: FunctionKey,
    /// `$LATEST`, a version or an alias; `$LATEST` when absent.
    pub qualifier: Option<String>,
    /// A UUID.
    pub request_id: String,
    /// The event: valid JSON.
    pub payload: Bytes,
    /// `X-Amzn-Trace-Id` of the caller.
    pub trace_id: Option<String>,
}

impl AsyncInvoker {
    /// With these parts, in a runtime; nothing runs before [`AsyncInvoker::resume`].
    pub fn new(parts: AsyncParts) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            queue: parts.queue,
            catalog: parts.catalog,
            invoker: parts.invoker,
            metrics: parts.metrics,
            clock: parts.clock,
            room: Mutex::new(Room::new(parts.total)),
            running: AtomicU32::new(0),
            backlogs: Mutex::default(),
            own: own.clone(),
            runtime: Handle::current(),
            is_stopping: AtomicBool::new(false),
        })
    }

    /// Begins with what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn resume(&self) -> Result<(), LambdaError> {
        let functions = self.queue.functions().await?;
        tracing::trace!(target: "crash_point", "resume: the functions are read");
        for key in functions {
            self.wake(&key);
        }
        Ok(())
    }

    /// Takes an event: it is on disk when this returns (A-01).
    ///
    /// # Errors
    /// 404 for what does not exist, 409 for what may not run yet, and that it could not be kept.
    pub async fn accept(&self, request: AsyncRequest) -> Result<(), LambdaError> {
        let AsyncRequest { key, qualifier, request_id, payload, trace_id } = request;
        self.invoker.check(&key, qualifier.as_deref())?;
        tracing::trace!(target: "crash_point", "accept: the function is found");
        let accepted_at_ms = self.clock.now_ms();
        let event = AsyncEvent { request_id, key, qualifier, payload, trace_id, accepted_at_ms };
        self.queue.accept(event).await?;
        tracing::trace!(target: "crash_point", "accept: the queue has the event");
        Ok(())
    }

    /// An event is on disk, whoever brought it.
    pub fn accepted(&self, key: &FunctionKey, resource: &str) {
        tracing::trace!(target: "crash_point", "wake: told of an event");
        self.metrics.async_event_received(key, resource);
        self.wake(key);
    }

    /// The function has something new: its backlog looks, and is made where there is none.
    fn wake(&self, key: &FunctionKey) {
        let mut backlogs = self.backlogs();
        if let Some(woken) = backlogs.get(key) {
            woken.notify_one();
            return;
        }
        let Some(own) = self.own.upgrade() else { return };
        tracing::trace!(target: "crash_point", "wake: a backlog begins");
        let woken = Arc::new(Notify::new());
        backlogs.insert(key.clone(), Arc::clone(&woken));
        self.runtime.spawn(backlog::run(own, key.clone(), woken));
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlogs(&self) -> MutexGuard<'_, HashMap<FunctionKey, Arc<Notify>>> {
        self.backlogs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins no more attempts; what waits, waits for the next start.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Resolves when no attempt runs any more, all their ends on disk; at the latest at the deadline.
    pub async fn ended(&self, deadline: Instant) {
        while self.running.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            sleep(END_POLL).await;
        }
    }
}

#[cfg(test)]
mod tests;
