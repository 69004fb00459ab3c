//! Events that wait for one subscriber (T-02, T-05).

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lambda_model::{environment::Buffering, platform_log::LogsDropped};
use tokio::{sync::Notify, time::Instant};

/// How much may wait, in full batches: one more than is being collected.
const BATCHES_WAITING_MAX: usize = 2;

/// See the module's doc.
pub(super) struct Buffer {
    limits: Buffering,
    inner: Mutex<Inner>,
    /// Something came, or is to go now.
    changed: Notify,
    /// A batch was delivered.
    delivered: Notify,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<String>,
    bytes: usize,
    /// When the oldest came.
    since: Option<Instant>,
    dropped_records: u64,
    dropped_bytes: u64,
    /// Whether what is there is to go now.
    is_flushed: bool,
    /// Batches taken and not yet delivered.
    in_flight: usize,
}

impl Buffer {
    pub(super) fn new(limits: Buffering) -> Self {
        Self { limits, inner: Mutex::default(), changed: Notify::new(), delivered: Notify::new() }
    }

    /// Adds an event, or counts it as dropped.
    pub(super) fn push(&self, event: &str) {
        let mut inner = self.lock();
        let has_room = inner.events.len() < self.limits.items_max * BATCHES_WAITING_MAX
            && inner.bytes + event.len() <= self.limits.bytes_max * BATCHES_WAITING_MAX;
        if has_room {
            inner.bytes += event.len();
            inner.events.push_back(event.to_owned());
            inner.since.get_or_insert_with(Instant::now);
        } else {
            inner.dropped_records += 1;
            inner.dropped_bytes += event.len() as u64;
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// The next batch and what was dropped before it: when it is full, old enough or flushed.
    pub(super) async fn next_batch(&self) -> (Vec<String>, Option<LogsDropped>) {
        loop {
            let due = match self.take_or_wait() {
                Ok(batch) => return batch,
                Err(due) => due,
            };
            let wait = self.changed.notified();
            match due {
                Some(due) => drop(tokio::time::timeout_at(due, wait).await),
                None => wait.await,
            }
        }
    }

    fn take_or_wait(&self) -> Result<(Vec<String>, Option<LogsDropped>), Option<Instant>> {
        let mut inner = self.lock();
        let Some(since) = inner.since else {
            inner.is_flushed = false;
            return Err(None);
        };
        let due = since + Duration::from_millis(self.limits.timeout_ms);
        let is_full = inner.events.len() >= self.limits.items_max || inner.bytes >= self.limits.bytes_max;
        if !is_full && !inner.is_flushed && Instant::now() < due {
            return Err(Some(due));
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < self.limits.items_max && bytes < self.limits.bytes_max {
            let Some(event) = inner.events.pop_front() else { break };
            bytes += event.len();
            batch.push(event);
        }
        inner.bytes -= bytes;
        inner.since = (!inner.events.is_empty()).then(Instant::now);
        inner.in_flight += 1;
        Ok((batch, inner.take_dropped()))
    }

    /// The batch that was taken last is delivered.
    pub(super) fn is_delivered(&self) {
        self.lock().in_flight -= 1;
        self.delivered.notify_waiters();
    }

    /// Lets everything go now, and waits until it has.
    pub(super) async fn flush(&self) {
        loop {
            let delivered = self.delivered.notified();
            tokio::pin!(delivered);
            delivered.as_mut().enable();
            {
                let mut inner = self.lock();
                if inner.events.is_empty() && inner.in_flight == 0 {
                    return;
                }
                inner.is_flushed = true;
            }
            self.changed.notify_one();
            delivered.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take_dropped(&mut self) -> Option<LogsDropped> {
        let (records, bytes) = (self.dropped_records, self.dropped_bytes);
        (self.dropped_records, self.dropped_bytes) = (0, 0);
        (records > 0).then(|| LogsDropped {
            reason: "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
                .to_owned(),
            records,
            bytes,
        })
    }
}
