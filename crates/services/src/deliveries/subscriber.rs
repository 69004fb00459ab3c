//! Subscribers of topics outside: several are told at a time, as fast as the subscription allows.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use store::OutboxItem;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::Deliveries;
use crate::sns::Told;

/// How many are on their way to one subscriber at a time.
const AT_ONCE_MAX: usize = 16;

impl Deliveries {
    /// Tells all of them, and sees to what was not taken.
    pub(super) async fn tell(&self, subscription_arn: &str, items: Vec<OutboxItem>) {
        let Some(own) = self.own.upgrade() else { return };
        let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
        let mut told = JoinSet::new();
        for item in items {
            if let Some(rate) = self.parts.sns.rate_max(subscription_arn) {
                sleep_until(self.turn(subscription_arn, Duration::from_secs(1) / rate.max(1))).await;
            }
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let own = Arc::clone(&own);
            told.spawn(async move {
                own.tell_one(item).await;
                drop(place);
            });
        }
        told.join_all().await;
    }

    /// When the next may be on its way, which is so long after the last.
    pub(super) fn turn(&self, subscription_arn: &str, apart: Duration) -> Instant {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let turn = turns.get(subscription_arn).map_or(now, |last| now.max(*last + apart));
        turns.insert(subscription_arn.to_owned(), turn);
        turn
    }

    async fn tell_one(&self, item: OutboxItem) {
        tracing::trace!(target: "crash_point", "deliveries: a subscriber is told");
        let told = self.parts.sns.tell(&item).await;
        tracing::trace!(target: "crash_point", "deliveries: a subscriber has answered");
        let failed = match told {
            Told::Yes => self.in_one(vec![item], |_, _| Ok(())).await,
            Told::Again { after_ms, why } => {
                let subscription = &item.delivery.target;
                tracing::info!(
                    subscription,
                    why,
                    attempts = item.attempts + 1,
                    "a subscriber did not take a message"
                );
                self.put_off(&item, Some(self.parts.clock.now_ms() + after_ms)).await;
                return;
            }
            Told::Never(why) => self.end_of(item, &why).await,
        };
        for (item, why) in failed {
            tracing::error!(why, "a message that was told could not be taken from the outbox");
            self.put_off(&item, Some(self.parts.clock.now_ms())).await;
        }
    }

    /// Into the dead-letter queue, where there is one.
    async fn end_of(&self, item: OutboxItem, why: &str) -> super::target::Failed {
        let (subscription, message_id) = (&item.delivery.target, &item.delivery.request_id);
        let dead_letter = self.parts.sns.dead_letter(&item.delivery);
        let is_kept = dead_letter.is_some();
        tracing::warn!(subscription, message_id, why, is_kept, "a message is given up");
        let put = move |transaction: &mut store::QueueTransaction<'_>, _: &OutboxItem| match &dead_letter {
            Some((door, outgoing)) => door.put(transaction, outgoing.clone()),
            None => Ok(()),
        };
        self.in_one(vec![item], put).await
    }
}
