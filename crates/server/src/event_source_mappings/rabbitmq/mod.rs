//! The poller of one mapping of RabbitMQ: one consumer, one batch at a time, as Amazon MQ's mappings do it.
//!
//! ```text
//! connected ──► gather: size or window ──► others are acknowledged ──► invoke ──► acknowledged
//!     ▲                                                                  │ error: after a pause back into the queue
//!     └── after a pause, whatever was wrong                              ▼ (and to its dead-letter exchange, when its policy says so)
//! ```
//! Nothing is kept here: what is not acknowledged comes again.

mod brokers;
mod client;

use std::{collections::VecDeque, ops::Deref, time::Duration};

use aws_api::request_id;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        broker::{BrokerSettings, rabbitmq::event, window_ms},
        filter::sqs::matches_any_of,
        queue::BATCH_BYTES_MAX,
        stream::pause_ms,
    },
    ports::EventSourceCount,
};
use tokio::time::{Instant, sleep};

pub(crate) use self::brokers::{BrokerUrl, RabbitBrokers};
use self::client::{Delivered, Queue};
use super::supervisor::Reader;

/// Bytes that are around the messages of an event.
const AROUND: usize = 2 * 1024;

/// Reads for a mapping.
pub(super) struct RabbitPoller {
    pub reader: Reader,
    pub broker: BrokerSettings,
}

impl Deref for RabbitPoller {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// Why reading ends: as a last result says it.
type Problem = String;

impl RabbitPoller {
    /// Runs until it is stopped, and what is under way by then has ended. After a problem it connects anew.
    pub(super) async fn run(self) {
        let mut failures = 0_u32;
        while !self.is_stopped() {
            let opened = tokio::select! {
                () = self.stopped() => return,
                opened = Queue::open(&self) => opened,
            };
            let problem = match opened {
                Err(problem) => problem,
                Ok(mut queue) => {
                    let read = self.read(&mut queue, &mut failures).await;
                    queue.close().await;
                    let Err(problem) = read else { return };
                    problem
                }
            };
            tracing::warn!(
                mapping = self.uuid,
                problem,
                "a queue of a broker could not be read for its mapping"
            );
            self.last_result.say(&problem);
            failures = failures.saturating_add(1);
            self.pause(failures).await;
        }
    }

    async fn read(&self, queue: &mut Queue, failures: &mut u32) -> Result<(), Problem> {
        let mut ahead = VecDeque::new();
        while !self.is_stopped() {
            let batch = self.gather(queue, &mut ahead).await?;
            if self.is_stopped() || batch.is_empty() {
                continue;
            }
            let Some(failed) = self.process(queue, batch).await? else {
                *failures = 0;
                continue;
            };
            *failures = failures.saturating_add(1);
            self.pause(*failures).await;
            queue.give_back(failed).await?;
        }
        Ok(())
    }

    /// What there is, as far as it comes within the window.
    async fn gather(
        &self,
        queue: &mut Queue,
        ahead: &mut VecDeque<Delivered>,
    ) -> Result<Vec<Delivered>, Problem> {
        let window = Duration::from_millis(window_ms(self.mapping.batching_window_seconds));
        let size = usize::try_from(self.mapping.batch_size).unwrap_or(1).max(1);
        let (mut batch, mut bytes, mut deadline) = (Vec::new(), AROUND, None);
        while batch.len() < size {
            let next = match ahead.pop_front() {
                Some(next) => next,
                None => tokio::select! {
                    () = self.stopped() => break,
                    () = until(deadline) => break,
                    next = queue.next() => next?,
                },
            };
            deadline.get_or_insert_with(|| Instant::now() + window);
            let more = next.message.json().to_string().len() + 1;
            if !batch.is_empty() && bytes + more > BATCH_BYTES_MAX {
                ahead.push_front(next);
                break;
            }
            bytes += more;
            batch.push(next);
        }
        Ok(batch)
    }

    /// Brings a batch to the function; the last message of it if it has failed.
    async fn process(&self, queue: &mut Queue, batch: Vec<Delivered>) -> Result<Option<u64>, Problem> {
        self.count(EventSourceCount::Polled, batch.len());
        let (wanted, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(|one| self.is_wanted(one));
        self.count(EventSourceCount::FilteredOut, others.len());
        for other in &others {
            queue.done(other.tag, false).await?;
        }
        let Some(last) = wanted.last().map(|one| one.tag) else { return Ok(None) };
        let messages: Vec<_> = wanted.into_iter().map(|one| one.message).collect();
        let names = (self.broker.channel.as_str(), queue.virtual_host());
        let payload = event(&self.mapping.event_source_arn, names, &messages);
        self.count(EventSourceCount::Invoked, messages.len());
        let is_done = match self.parts.invoke(&self.mapping, &request_id::new(), payload).await {
            Ok(invoked) => invoked.outcome.error.is_none(),
            Err(error) => self.was_not_invoked(&error),
        };
        self.last_result.say_of_batch(is_done);
        if !is_done {
            self.count(EventSourceCount::FailedInvoke, messages.len());
            return Ok(Some(last));
        }
        queue.done(last, true).await?;
        self.count(EventSourceCount::Deleted, messages.len());
        Ok(None)
    }

    fn is_wanted(&self, one: &Delivered) -> bool {
        let data = std::str::from_utf8(&one.message.data).ok();
        matches_any_of(&self.patterns, &one.message.json(), ("data", data))
    }

    fn was_not_invoked(&self, error: &LambdaError) -> bool {
        let error = error.to_string();
        tracing::warn!(mapping = self.uuid, error, "a mapping could not invoke its function");
        false
    }

    async fn pause(&self, failures: u32) {
        tokio::select! {
            () = self.stopped() => {}
            () = sleep(Duration::from_millis(pause_ms(failures))) => {}
        }
    }
}

/// Resolves at a time; never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
