//! What nobody waits for: purged and expired messages are deleted, and the messages of queues that are gone.
//!
//! A few at a time, so that nothing waits behind it; what a crash leaves is done by the next server.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc, time::Duration};

use lambda_model::error::with_causes;
use store::{MessageView, Place, QueueTransaction, StoreError};
use tokio::time::{Instant, sleep};

use super::{
    Sqs,
    queue::Queue,
    receiving::{is_gone, state_of},
};

/// The least between two looks through a queue.
const PAUSE: Duration = Duration::from_secs(60);
/// A message may stay longer than its queue keeps it by this part of that time, an hour at most; nobody sees it.
const RETENTION_PART: u64 = 100;
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// Messages that are deleted in one transaction.
const BATCH_MAX: usize = 500;

/// Runs until the service is gone.
pub(super) async fn run(sqs: Sqs) {
    let mut looked_at = HashMap::new();
    loop {
        if let Err(error) = sqs.keep_house(&mut looked_at).await {
            tracing::warn!(error = with_causes(&error), "messages that are over could not be deleted");
        }
        tokio::select! {
            // Something was purged, or deleted.
            () = sqs.housekeeping.notified() => looked_at.clear(),
            () = sleep(PAUSE) => {}
        }
    }
}

impl Sqs {
    async fn keep_house(&self, looked_at: &mut HashMap<String, Instant>) -> Result<(), StoreError> {
        for id in self.store.queues().queues_with_messages() {
            let queue = self.registry.queue_by_id(&id);
            let pause = queue.as_ref().map_or(PAUSE_MAX, |queue| pause(queue));
            if looked_at.get(&id).is_some_and(|looked_at| looked_at.elapsed() < pause) {
                continue;
            }
            looked_at.insert(id.clone(), Instant::now());
            while self.delete_some(&id, queue.clone()).await? {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Deletes a few messages that are over; whether there may be more.
    async fn delete_some(&self, id: &str, queue: Option<Arc<Queue>>) -> Result<bool, StoreError> {
        let now_ms = self.clock.now_ms();
        let find = move |view: &MessageView<'_>| over(view, queue.as_deref(), now_ms);
        let found = self.store.queues().look_at_messages(id, find).await?;
        if found.is_empty() {
            return Ok(false);
        }
        let id = id.to_owned();
        let delete = move |transaction: &mut QueueTransaction<'_>| {
            let is_all = found.len() < BATCH_MAX;
            found.into_iter().try_for_each(|place| transaction.delete_message(&id, place).map(drop))?;
            Ok::<_, StoreError>(!is_all)
        };
        self.store.queues().transact(delete).await
    }
}

/// How long to wait before the next look through a queue.
fn pause(queue: &Queue) -> Duration {
    let retention_seconds = u64::try_from(queue.settings.retention_seconds).unwrap_or(0);
    Duration::from_secs(retention_seconds / RETENTION_PART).clamp(PAUSE, PAUSE_MAX)
}

/// Messages of a queue that are over; of one that is gone, all are.
fn over(view: &MessageView<'_>, queue: Option<&Queue>, now_ms: i64) -> Result<Vec<Place>, StoreError> {
    let mut found = Vec::new();
    view.each(|place, state| {
        if queue.is_none_or(|queue| is_gone(queue, place, &state_of(state, now_ms), now_ms)) {
            found.push(place);
        }
        if found.len() < BATCH_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}
