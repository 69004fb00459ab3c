//! Receiving: what is visible is hidden for a while and handed out, and what was received too often goes to the dead-letter queue, all of
//! it in one transaction.
//!
//! ```text
//! standard: the longest visible first
//! FIFO:     in the order of the queue, past the groups of which somebody has a message
//! ```

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws_api::generated::sqs::types;
use store::{MessageView, Place, QueueTransaction, StoreError};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    Handled, Sqs,
    error::{invalid, no_queue, over_limit},
    message::{Header, State},
    queue::Queue,
    receipt::Receipt,
    sending::put,
    shown,
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Messages of an answer at most.
const MESSAGES_MAX: i64 = 10;
/// Seconds that a receiver waits at most.
const WAIT_SECONDS_MAX: i64 = 20;
/// Seconds that a message is hidden at most.
pub(super) const VISIBILITY_SECONDS_MAX: i64 = 43_200;
/// Messages of a queue that may be in flight (SQS quotas).
const IN_FLIGHT_MAX: u32 = 120_000;
/// Messages of a FIFO queue that are looked at for one that may be received (SQS developer guide: the first 120,000).
const LOOK_AT_MAX: usize = 120_000;

/// A message that was received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub header: Header,
    pub body: Vec<u8>,
    pub state: State,
    pub receipt: Receipt,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub messages_max: usize,
    pub visibility_seconds: i64,
}

/// How long a receiver waits.
pub(super) struct Patience {
    pub deadline: Instant,
    /// Says when it wants nothing any more, or the server ends.
    pub stop: watch::Receiver<bool>,
}

impl Patience {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn stopped(&mut self) {
        if self.stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Sqs {
    pub(super) async fn receive_message(
        &self,
        context: &ServiceContext,
        input: types::ReceiveMessageRequest,
    ) -> Handled<types::ReceiveMessageResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let wanted = wanted(&queue, &input)?;
        shown::check_names(&input)?;
        let wait_seconds = input.wait_time_seconds.unwrap_or(queue.settings.wait_seconds);
        if !(0..=WAIT_SECONDS_MAX).contains(&wait_seconds) {
            let reason = "Must be >= 0 and <= 20, if provided.";
            return Err(invalid("WaitTimeSeconds", wait_seconds, reason));
        }
        let wait = Duration::from_secs(u64::try_from(wait_seconds).unwrap_or(0));
        let attempt = input.receive_request_attempt_id.clone().filter(|_| queue.settings.is_fifo);
        let received = match self.attempts.again(&queue, attempt.as_deref(), self.clock.now_ms()) {
            Some(before) => self.received_again(&queue, before, wanted).await?,
            None => Vec::new(),
        };
        let received = match received.is_empty() {
            false => received,
            true => {
                let patience = Patience { deadline: Instant::now() + wait, stop: self.stopping.subscribe() };
                self.receive(&queue, wanted, patience).await?
            }
        };
        self.attempts.remember(&queue, attempt, &received, self.clock.now_ms());
        let messages: Vec<_> = received.into_iter().map(|message| shown::message(message, &input)).collect();
        Ok(types::ReceiveMessageResult { messages: (!messages.is_empty()).then_some(messages) })
    }

    /// Receives as soon as there is something, for as long as there is patience. Only the waiting is cut short: what is received is
    /// also handed out.
    pub(super) async fn receive(
        &self,
        queue: &Arc<Queue>,
        wanted: Wanted,
        mut patience: Patience,
    ) -> Handled<Vec<Received>> {
        let key = queue.key.clone();
        loop {
            let queue =
                self.registry.queue(&key).filter(|now| now.id() == queue.id()).ok_or_else(no_queue)?;
            let mut woken = std::pin::pin!(queue.live.woken.notified());
            woken.as_mut().enable();
            self.check_in_flight(&queue).await?;
            let look = self.look(&queue).await?;
            if look.is_any_visible {
                let received = self.take(&queue, wanted).await?;
                if !received.is_empty() {
                    return Ok(received);
                }
                // Others were faster, or it was over: when the next comes is another question now.
                continue;
            }
            let now = Instant::now();
            if now >= patience.deadline || patience.is_stopped() {
                return Ok(Vec::new());
            }
            // Whatever else makes a message visible wakes this.
            let next_visible = look.next_visible_ms.map_or(patience.deadline, |next_ms| {
                let wait_ms = next_ms.saturating_sub(self.clock.now_ms()).max(1);
                now + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1))
            });
            tokio::select! {
                () = woken => {}
                () = sleep_until(patience.deadline.min(next_visible)) => {}
                () = patience.stopped() => {}
            }
        }
    }

    /// Takes what is visible now.
    pub(super) async fn take(&self, queue: &Arc<Queue>, wanted: Wanted) -> Handled<Vec<Received>> {
        let now_ms = self.clock.now_ms();
        let (moved, registry) = (Arc::clone(queue), Arc::clone(&self.registry));
        let target = queue.settings.redrive.as_ref().and_then(|redrive| registry.queue(&redrive.target));
        let take = move |transaction: &mut QueueTransaction<'_>| -> Result<_, StoreError> {
            let taking = Taking { queue: &moved, dead_letters: target.as_deref(), wanted, now_ms };
            taking.run(transaction)
        };
        let received = self.store.queues().transact(take).await.map_err(of_store)?;
        queue.live.in_flight.fetch_add(u32::try_from(received.len()).unwrap_or(0), Ordering::Relaxed);
        Ok(received)
    }

    /// Receives the same messages as an attempt before, if nobody has had or deleted one since.
    async fn received_again(
        &self,
        queue: &Arc<Queue>,
        before: Vec<Received>,
        wanted: Wanted,
    ) -> Handled<Vec<Received>> {
        let now_ms = self.clock.now_ms();
        let queue = Arc::clone(queue);
        let again = move |transaction: &mut QueueTransaction<'_>| -> Result<_, StoreError> {
            let visible_ms = now_ms + wanted.visibility_seconds * 1_000;
            for message in &before {
                let Receipt { place, .. } = message.receipt;
                let state = transaction.messages(queue.id())?.state_at(place)?;
                let state = state.and_then(|state| state.parse::<State>().ok());
                if state.as_ref() != Some(&message.state) || message.state.visible_ms <= now_ms {
                    return Ok(Vec::new());
                }
            }
            let mut received = before;
            for message in &mut received {
                message.state.visible_ms = visible_ms;
                let Receipt { place, .. } = message.receipt;
                transaction.place_message(queue.id(), place, place.due_at_ms, message.state.to_string())?;
            }
            Ok(received)
        };
        self.store.queues().transact(again).await.map_err(of_store)
    }

    /// Looks without changing anything: most receivers find nothing.
    async fn look(&self, queue: &Arc<Queue>) -> Handled<Look> {
        let now_ms = self.clock.now_ms();
        let moved = Arc::clone(queue);
        let look = move |view: &MessageView<'_>| {
            if moved.settings.is_fifo {
                let found = first_of_groups(view, &moved, now_ms, 1)?;
                return Ok(Look {
                    is_any_visible: !found.free.is_empty(),
                    next_visible_ms: found.next_visible_ms,
                });
            }
            let is_any_visible = !view.due(now_ms, 1)?.is_empty();
            Ok(Look { is_any_visible, next_visible_ms: view.next_due_ms(now_ms)? })
        };
        self.store.queues().look_at_messages(queue.id(), look).await.map_err(of_store)
    }

    /// Refuses to hand out more than may be in flight.
    async fn check_in_flight(&self, queue: &Arc<Queue>) -> Handled<()> {
        if queue.live.in_flight.load(Ordering::Relaxed) < IN_FLIGHT_MAX {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let is_fifo = queue.settings.is_fifo;
        let count = move |view: &MessageView<'_>| {
            if !is_fifo {
                return view.later(now_ms, IN_FLIGHT_MAX);
            }
            let mut in_flight = 0;
            view.each(|_, state| {
                in_flight += u32::from(state.parse::<State>().is_ok_and(|state| state.is_in_flight(now_ms)));
                ControlFlow::Continue(())
            })?;
            Ok(in_flight)
        };
        let counted = self.store.queues().look_at_messages(queue.id(), count).await.map_err(of_store)?;
        queue.live.in_flight.store(counted, Ordering::Relaxed);
        match counted < IN_FLIGHT_MAX {
            true => Ok(()),
            false => Err(over_limit("Too many messages in flight.")),
        }
    }
}

fn wanted(queue: &Queue, input: &types::ReceiveMessageRequest) -> Handled<Wanted> {
    let max = input.max_number_of_messages.unwrap_or(1);
    if !(1..=MESSAGES_MAX).contains(&max) {
        return Err(invalid("MaxNumberOfMessages", max, "Must be between 1 and 10, if provided."));
    }
    let visibility_seconds = input.visibility_timeout.unwrap_or(queue.settings.visibility_seconds);
    if !(0..=VISIBILITY_SECONDS_MAX).contains(&visibility_seconds) {
        let reason = "Must be between 0 and 43200, if provided.";
        return Err(invalid("VisibilityTimeout", visibility_seconds, reason));
    }
    Ok(Wanted { messages_max: usize::try_from(max).unwrap_or(1), visibility_seconds })
}

/// What a look found.
struct Look {
    is_any_visible: bool,
    next_visible_ms: Option<i64>,
}

/// Messages of a FIFO queue that may be received.
struct Free {
    free: Vec<(Place, State)>,
    /// When the first of those comes that are in the way, or not visible yet.
    next_visible_ms: Option<i64>,
}

/// In the order of the queue: of each group those before the first that is not visible.
fn first_of_groups(
    view: &MessageView<'_>,
    queue: &Queue,
    now_ms: i64,
    max: usize,
) -> Result<Free, StoreError> {
    let mut found = Free { free: Vec::new(), next_visible_ms: None };
    let (mut blocked, mut looked_at) = (BTreeSet::new(), 0);
    view.each(|place, state| {
        looked_at += 1;
        let state = state_of(state, now_ms);
        if is_gone(queue, place, &state, now_ms) {
            return ControlFlow::Continue(());
        }
        if state.visible_ms > now_ms {
            let earliest =
                found.next_visible_ms.map_or(state.visible_ms, |known: i64| known.min(state.visible_ms));
            found.next_visible_ms = Some(earliest);
            blocked.insert(state.group);
        } else if !blocked.contains(&state.group) {
            found.free.push((place, state));
        }
        match found.free.len() >= max || looked_at >= LOOK_AT_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(found)
}

/// What became of a message. Of one whose turn was damaged, and made anew, nothing is known: it is as if it were sent now.
pub(super) fn state_of(text: &str, now_ms: i64) -> State {
    text.parse().unwrap_or_else(|()| State { sent_ms: now_ms, visible_ms: now_ms, ..State::default() })
}

/// Whether a message was purged, or is too old, and only waits to be deleted.
pub(super) fn is_gone(queue: &Queue, place: Place, state: &State, now_ms: i64) -> bool {
    place.id <= queue.record.purged_up_to || state.is_expired(queue.settings.retention_seconds, now_ms)
}

/// One taking.
struct Taking<'a> {
    queue: &'a Queue,
    /// Where messages go that were received too often.
    dead_letters: Option<&'a Queue>,
    wanted: Wanted,
    now_ms: i64,
}

impl Taking<'_> {
    fn run(&self, transaction: &mut QueueTransaction<'_>) -> Result<Vec<Received>, StoreError> {
        let mut received = Vec::new();
        loop {
            let free = self.free(transaction, &received)?;
            if free.is_empty() {
                return Ok(received);
            }
            for (place, state) in free {
                received.extend(self.take(transaction, place, state)?);
            }
            if received.len() >= self.wanted.messages_max {
                return Ok(received);
            }
        }
    }

    /// What is visible, without what was received a moment ago and hidden for no time at all.
    fn free(
        &self,
        transaction: &QueueTransaction<'_>,
        received: &[Received],
    ) -> Result<Vec<(Place, State)>, StoreError> {
        let view = transaction.messages(self.queue.id())?;
        let max = self.wanted.messages_max;
        let mut free = match self.queue.settings.is_fifo {
            true => first_of_groups(&view, self.queue, self.now_ms, max)?.free,
            false => {
                let due = view.due(self.now_ms, max)?.into_iter();
                due.map(|message| (message.place, state_of(&message.state, self.now_ms))).collect()
            }
        };
        free.retain(|(place, _)| received.iter().all(|message| message.receipt.place.id != place.id));
        free.truncate(max - received.len());
        Ok(free)
    }

    /// Hands a message out, unless it is gone or goes to the dead-letter queue.
    fn take(
        &self,
        transaction: &mut QueueTransaction<'_>,
        place: Place,
        state: State,
    ) -> Result<Option<Received>, StoreError> {
        if is_gone(self.queue, place, &state, self.now_ms) {
            transaction.delete_message(self.queue.id(), place)?;
            return Ok(None);
        }
        let Some(message) = transaction.message(self.queue.id(), place)? else { return Ok(None) };
        let Ok(header) = serde_json::from_slice::<Header>(&message.header) else {
            // Its checksum is right: an older or newer server wrote it.
            tracing::error!(queue = self.queue.key.arn(), "a message cannot be read, and is hidden");
            let later_ms = self.now_ms + VISIBILITY_SECONDS_MAX * 1_000;
            let due_at_ms = if self.queue.settings.is_fifo { 0 } else { later_ms };
            let state = State { visible_ms: later_ms, ..state };
            transaction.place_message(self.queue.id(), place, due_at_ms, state.to_string())?;
            return Ok(None);
        };
        let receives_max = self.queue.settings.redrive.as_ref().map(|redrive| redrive.receives_max);
        if let Some(target) =
            self.dead_letters.filter(|_| receives_max.is_some_and(|max| state.receives >= max))
        {
            self.give_up(transaction, target, place, (header, message.body), state)?;
            return Ok(None);
        }
        self.hand_out(transaction, place, (header, message.body), state).map(Some)
    }

    fn hand_out(
        &self,
        transaction: &mut QueueTransaction<'_>,
        place: Place,
        (header, body): (Header, Vec<u8>),
        state: State,
    ) -> Result<Received, StoreError> {
        let visible_ms = self.now_ms.saturating_add(self.wanted.visibility_seconds.saturating_mul(1_000));
        let first_received_ms = match state.first_received_ms {
            0 => self.now_ms,
            before => before,
        };
        let state = State {
            receives: state.receives.saturating_add(1),
            first_received_ms,
            last_received_ms: self.now_ms,
            visible_ms,
            ..state
        };
        let due_at_ms = if self.queue.settings.is_fifo { 0 } else { visible_ms };
        transaction.place_message(self.queue.id(), place, due_at_ms, state.to_string())?;
        let queue = self.queue.id().to_owned();
        let receipt = Receipt { queue, place: Place { due_at_ms, ..place }, receives: state.receives };
        Ok(Received { header, body, state, receipt })
    }

    /// Moves a message to the dead-letter queue. In a standard queue it stays as old as it is; in a FIFO queue its time begins anew.
    fn give_up(
        &self,
        transaction: &mut QueueTransaction<'_>,
        target: &Queue,
        place: Place,
        (header, body): (Header, Vec<u8>),
        state: State,
    ) -> Result<(), StoreError> {
        let sent_ms = if target.settings.is_fifo { self.now_ms } else { state.sent_ms };
        let header = Header { dead_letter_source: Some(self.queue.key.arn()), ..header };
        transaction.delete_message(self.queue.id(), place)?;
        let state = State { sent_ms, visible_ms: self.now_ms, ..state };
        put(transaction, target, (header, body), state)?;
        tracing::trace!(target: "crash_point", "queue: a message goes to the dead-letter queue");
        Ok(())
    }
}
