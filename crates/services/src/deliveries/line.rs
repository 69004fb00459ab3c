//! The line of one target: a task that delivers what is due until there is nothing left.

use std::{sync::Arc, time::Duration};

use lambda_model::{error::with_causes, invocation::asynchronous::DeliveryOrigin};
use store::{OutboxItem, OutboxItems};
use tokio::{sync::Notify, time::sleep};

use super::{
    Deliveries,
    giving_up::{GivenUp, next_try},
    target::Target,
};

/// Deliveries that are made together.
const BATCH_MAX: usize = 64;
/// The wait after an outbox that could not be read or written.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait without a look.
const LOOK_AFTER_MAX: Duration = Duration::from_secs(60);
/// The wait after a first failure, milliseconds; it doubles with each further one.
const FAILURE_WAIT_MS_MIN: i64 = 1_000;
/// The longest such wait, milliseconds.
const FAILURE_WAIT_MS_MAX: i64 = 5 * 60_000;
/// How long a delivery is tried, milliseconds: as long as a queue of SQS keeps a message.
const TRIED_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1_000;

/// Runs until there is nothing left for the target.
pub(super) async fn run(owner: Arc<Deliveries>, target: String, woken: Arc<Notify>) {
    loop {
        tracing::trace!(target: "crash_point", "deliveries: looks");
        let now_ms = owner.parts.clock.now_ms();
        let wait = match owner.parts.queues.claim_deliveries(&target, now_ms, BATCH_MAX).await {
            Ok(OutboxItems { items, next_due_ms }) if items.is_empty() => match next_due_ms {
                Some(due_ms) => Duration::from_millis(u64::try_from(due_ms - now_ms).unwrap_or(0)),
                None if owner.end(&target, &woken) => return,
                None => continue,
            },
            Ok(OutboxItems { items, .. }) => {
                tracing::trace!(target: "crash_point", "deliveries: has claimed");
                owner.deliver(&target, items).await;
                tracing::trace!(target: "crash_point", "deliveries: has delivered");
                continue;
            }
            Err(error) => {
                tracing::error!(target, error = with_causes(&error), "the outbox could not be read");
                UNREADABLE_PAUSE
            }
        };
        tokio::select! {
            () = woken.notified() => {}
            () = sleep(wait.min(LOOK_AFTER_MAX)) => {}
        }
    }
}

impl Deliveries {
    /// Delivers, or puts off what could not be.
    async fn deliver(&self, target: &str, items: Vec<OutboxItem>) {
        let items = self.let_in(target, items).await;
        let failed = match Target::parse(target) {
            Some(parsed) => self.deliver_to(&parsed, items).await,
            None => items.into_iter().map(|item| (item, "it is no target".to_owned())).collect(),
        };
        for (item, why) in failed {
            self.failed(item, &why).await;
        }
    }

    /// Counts it, and has it tried again, or gives it up: where nothing else is said, after 14 days.
    pub(super) async fn failed(&self, item: OutboxItem, why: &str) {
        let delivery = &item.delivery;
        if let Some(DeliveryOrigin { kind, function, resource }) = &delivery.origin {
            self.parts.metrics.delivery_failed(function, resource, *kind);
        }
        let now_ms = self.parts.clock.now_ms();
        let due_at_ms = now_ms + wait_ms(item.attempts);
        let next = match &delivery.tries {
            Some(tries) => next_try(item.attempts, tries, due_at_ms),
            None if now_ms - delivery.ended_at_ms > TRIED_MS_MAX => Err("14 days"),
            None => Ok(due_at_ms),
        };
        match next {
            Ok(due_at_ms) => {
                let (target, request_id) = (&delivery.target, &delivery.request_id);
                tracing::warn!(target, request_id, why, attempts = item.attempts + 1, "a delivery failed");
                self.put_off(&item, Some(due_at_ms)).await;
            }
            Err(exhausted) => {
                let why = why.to_owned();
                self.give_up(item, GivenUp { code: "SDK_CLIENT_ERROR", why, exhausted: Some(exhausted) })
                    .await;
            }
        }
    }

    /// Until then, or for good. However long it takes: what stays claimed would wait for the next start.
    pub(super) async fn put_off(&self, item: &OutboxItem, due_at_ms: Option<i64>) {
        while let Err(error) = self.parts.queues.not_delivered(item, due_at_ms).await {
            tracing::error!(error = with_causes(&error), "the outbox could not be written");
            sleep(UNREADABLE_PAUSE).await;
        }
    }

    /// Takes itself off the list, unless it was woken meanwhile.
    fn end(&self, target: &str, woken: &Notify) -> bool {
        let mut lines = self.lines();
        let mut notified = std::pin::pin!(woken.notified());
        // Whoever wakes holds the list too: what was said before this is seen here, and later there is a new line.
        if notified.as_mut().enable() {
            return false;
        }
        tracing::trace!(target: "crash_point", "deliveries: ends");
        lines.remove(target);
        true
    }
}

fn wait_ms(failures: u32) -> i64 {
    FAILURE_WAIT_MS_MIN.saturating_mul(1 << failures.min(20)).min(FAILURE_WAIT_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::wait_ms;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<_> = (0..11).map(|failures| wait_ms(failures) / 1_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait_ms(u32::MAX), 300_000);
    }
}
