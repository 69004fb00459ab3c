//! The poller of one mapping of SQS (B.11).
//!
//! ```text
//! room for a batch? ──► collect: size or window ──► filter: others are deleted ──► invoke ──► delete what is done
//!        ▲                                                                          │ error, throttle: the rest
//!        └── grows while all batches are busy, halves when a batch is throttled ◄───┘ reappears by itself
//! ```
//! One batch is collected at a time; many may be under way. Nothing is kept here: what is not deleted comes again.

use std::{collections::BTreeSet, ops::Deref, sync::Arc, time::Duration};

use aws_api::request_id;
use invocation::InvokeRequest;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        filter::sqs::matches_any,
        partial_failure::{Verdict, verdict},
        queue::{Concurrency, visibility_seconds},
    },
    invocation::{Invocation, InvocationOutcome},
    ports::EventSourceCount,
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    batch::{self, Record},
    queue_source::Wanted,
    supervisor::Reader,
};

/// Messages that a queue gives at a time.
const RECEIVED_MAX: usize = 10;
/// How long a poller waits for the first message of a batch (Q-05: long polling).
const WAIT: Duration = Duration::from_secs(20);
/// How often it is seen that all batches are busy.
const GROWS_EVERY: Duration = Duration::from_millis(250);
/// The wait after a batch that found no room, and after a queue that could not be read; that doubles with each further failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Reads for a mapping.
pub(super) struct Poller {
    pub reader: Reader,
}

impl Deref for Poller {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// How a batch ended.
enum Ended {
    Settled,
    Throttled,
}

/// What was collected.
type Collecting = JoinHandle<Result<Vec<Record>, String>>;

impl Poller {
    /// Runs until it is stopped, and what is under way by then has ended.
    pub(super) async fn run(self) {
        let poller = Arc::new(self);
        let mut stop = poller.stop.clone();
        let mut running = JoinSet::new();
        let mut concurrency = Concurrency::of(&poller.mapping);
        let mut collecting: Option<Collecting> = None;
        let mut grows = interval(GROWS_EVERY);
        grows.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut resumes_at = Instant::now();
        let mut failures = 0;
        while !*stop.borrow() {
            let has_room = running.len() < concurrency.width() as usize && Instant::now() >= resumes_at;
            if has_room && collecting.is_none() {
                collecting = Some(tokio::spawn(Arc::clone(&poller).collect()));
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(ended) = running.join_next() => if matches!(ended, Ok(Ended::Throttled)) {
                    concurrency.throttled();
                    resumes_at = Instant::now() + PAUSE;
                },
                collected = finished(&mut collecting) => match collected {
                    Ok(records) => {
                        failures = 0;
                        if records.is_empty() && running.is_empty() {
                            concurrency.idle();
                        }
                        poller.start(records, &mut running);
                    }
                    Err(why) => {
                        tracing::warn!(mapping = poller.uuid, why, "a queue could not be read for its mapping");
                        resumes_at = Instant::now() + PAUSE.saturating_mul(1 << failures.min(6)).min(PAUSE_MAX);
                        failures += 1;
                    }
                },
                // Also looks again once a pause is over; what is idle needs neither.
                _ = grows.tick(), if !running.is_empty() || !has_room => if running.len() >= concurrency.width() as usize {
                    concurrency.busy(GROWS_EVERY.as_millis() as u64);
                },
            }
        }
        // What was received is also brought.
        if collecting.is_some()
            && let Ok(records) = finished(&mut collecting).await
        {
            poller.start(records, &mut running);
        }
        while running.join_next().await.is_some() {}
    }

    fn start(self: &Arc<Self>, records: Vec<Record>, running: &mut JoinSet<Ended>) {
        self.count(EventSourceCount::Polled, records.len());
        for records in batch::split(records) {
            running.spawn(Arc::clone(self).process(records));
        }
    }

    /// Collects a batch: what there is, or, with a window, what there is by its end.
    async fn collect(self: Arc<Self>) -> Result<Vec<Record>, String> {
        let mapping = &self.mapping;
        let size = usize::try_from(mapping.batch_size).unwrap_or(RECEIVED_MAX);
        let window = Duration::from_secs(u64::try_from(mapping.batching_window_seconds).unwrap_or(0));
        let of_queue = self.parts.queues.visibility_seconds(&mapping.event_source_arn).await?;
        let timeout = self.timeout_seconds();
        let visibility_seconds = visibility_seconds(of_queue, mapping.batching_window_seconds, timeout);
        let mut records = self.receive(size, visibility_seconds, WAIT).await?;
        let deadline = Instant::now() + window;
        while !records.is_empty() && records.len() < size && !*self.stop.borrow() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let more = self.receive(size - records.len(), visibility_seconds, left).await;
            match more {
                Ok(more) => records.extend(more),
                Err(_) => break,
            }
        }
        Ok(records)
    }

    async fn receive(
        &self,
        max: usize,
        visibility_seconds: i64,
        wait: Duration,
    ) -> Result<Vec<Record>, String> {
        let wanted = Wanted { messages_max: max.min(RECEIVED_MAX), visibility_seconds, wait };
        let arn = &self.mapping.event_source_arn;
        let messages = self.parts.queues.receive(arn, wanted, &self.stop).await?;
        Ok(messages.into_iter().map(|message| Record::new(message, arn)).collect())
    }

    /// Seconds that the function may run.
    fn timeout_seconds(&self) -> i64 {
        let qualifier = self.mapping.qualifier.as_deref();
        let resolved = self.parts.catalog.resolve(&self.mapping.function, qualifier, 0.0);
        resolved.map_or(0, |resolved| resolved.version.configuration.timeout_seconds)
    }

    /// Brings a batch to the function.
    async fn process(self: Arc<Self>, records: Vec<Record>) -> Ended {
        let (records, others) = self.filter(records);
        self.count(EventSourceCount::FilteredOut, others.len());
        self.delete(others).await;
        if records.is_empty() {
            return Ended::Settled;
        }
        self.count(EventSourceCount::Invoked, records.len());
        let identifiers: BTreeSet<&str> = records.iter().map(|record| record.identifier.as_str()).collect();
        let verdict = match self.invoke(&records).await {
            Ok(outcome) if outcome.error.is_some() => Verdict::AllFailed,
            Ok(outcome) if self.mapping.reports_item_failures => verdict(&outcome.payload, &identifiers),
            Ok(_) => Verdict::Done,
            Err(LambdaError::TooManyRequests(_)) => {
                self.count(EventSourceCount::FailedInvoke, records.len());
                return Ended::Throttled;
            }
            Err(error) => {
                let (mapping, error) = (&self.uuid, error.to_string());
                tracing::warn!(mapping, error, "a mapping could not invoke its function");
                sleep(PAUSE).await;
                Verdict::AllFailed
            }
        };
        let has_failed = |record: &Record| match &verdict {
            Verdict::Done => false,
            Verdict::Failed(failed) => failed.contains(&record.identifier),
            Verdict::AllFailed => true,
        };
        let (failed, done): (Vec<_>, Vec<_>) = records.into_iter().partition(has_failed);
        self.count(EventSourceCount::FailedInvoke, failed.len());
        self.delete(done).await;
        Ended::Settled
    }

    /// Records that a filter lets through, and the others.
    fn filter(&self, records: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
        records.into_iter().partition(|record| matches_any(&self.patterns, &record.json))
    }

    async fn invoke(&self, records: &[Record]) -> Result<InvocationOutcome, LambdaError> {
        let (event, arn) = (batch::event(records).into(), self.mapping.function_arn());
        let invocation = Invocation {
            trace_id: records.iter().find_map(|record| record.trace_header.clone()),
            // A batch without room is how the width of the mapping is found.
            is_patient: false,
            ..Invocation::of_event(request_id::new(), event, arn)
        };
        let request = InvokeRequest {
            key: self.mapping.function.clone(),
            qualifier: self.mapping.qualifier.clone(),
            invocation,
        };
        self.parts.invoker.invoke(request).await.map(|invoked| invoked.outcome)
    }

    /// Deletes messages that are done. Those that could not be come again.
    async fn delete(&self, records: Vec<Record>) {
        let arn = &self.mapping.event_source_arn;
        let handles: Vec<String> = records.into_iter().map(|record| record.handle).collect();
        for handles in handles.chunks(RECEIVED_MAX) {
            match self.parts.queues.delete(arn, handles.to_vec()).await {
                Ok(()) => self.count(EventSourceCount::Deleted, handles.len()),
                Err(why) => {
                    tracing::warn!(mapping = self.uuid, why, "messages that are done could not be deleted")
                }
            }
        }
    }
}

/// What was collected, once it is; never if nothing is being collected.
async fn finished(collecting: &mut Option<Collecting>) -> Result<Vec<Record>, String> {
    let Some(task) = collecting else { return std::future::pending().await };
    let collected = task.await;
    *collecting = None;
    collected.unwrap_or_else(|error| Err(error.to_string()))
}
