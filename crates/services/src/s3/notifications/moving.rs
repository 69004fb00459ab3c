//! The mover: takes events that were put down, and hands them to the outbox of their targets.

use std::{sync::Arc, time::Duration};

use lambda_model::{
    error::with_causes,
    invocation::asynchronous::{Delivery, Sender},
    ports::Clock,
};
use store::{Store, StoreError};
use tokio::time::sleep;

use super::event::ObjectEvent;

/// Events that are handed over at once.
const BATCH_MAX: usize = 64;
/// The wait after a store that could not be read or written.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);
/// What messages are about, where a topic is told.
const SUBJECT: &str = "Amazon S3 Notification";

/// See the module's doc.
pub struct ObjectEvents {
    /// Where events wait, and where the outbox is.
    pub store: Store,
    /// When they are due.
    pub clock: Arc<dyn Clock>,
}

impl ObjectEvents {
    /// Hands over what there is and what comes, until the store is closed.
    pub async fn run(self) {
        let events = self.store.object_events();
        loop {
            match self.hand_over().await {
                // What is put down meanwhile has left a permit.
                Ok(0) => events.notified().await,
                Ok(_) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(
                        error = with_causes(&error),
                        "events of buckets could not be handed over"
                    );
                    sleep(UNREADABLE_PAUSE).await;
                }
            }
        }
    }

    /// Hands over the oldest; how many there were.
    async fn hand_over(&self) -> Result<usize, StoreError> {
        let waiting = self.store.waiting_object_events(BATCH_MAX).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        tracing::trace!(target: "crash_point", "s3: events are read");
        let (mut ids, mut deliveries) = (Vec::new(), Vec::new());
        for (number, event) in waiting {
            ids.push(number);
            match serde_json::from_slice::<ObjectEvent>(&event) {
                Ok(event) => deliveries.extend(self.deliveries(number, &event)),
                Err(error) => tracing::error!(%error, number, "an event of a bucket cannot be read"),
            }
        }
        let count = ids.len();
        let put = move |transaction: &mut store::QueueTransaction<'_>| {
            deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))
        };
        self.store.queues().transact(put).await?;
        tracing::trace!(target: "crash_point", "s3: events are handed over");
        self.store.forget_object_events(ids).await?;
        tracing::trace!(target: "crash_point", "s3: events are forgotten");
        Ok(count)
    }

    /// One for each who is told.
    fn deliveries(&self, number: i64, event: &ObjectEvent) -> Vec<Delivery> {
        let told = event.told.iter().map(|told| {
            let text = event.message.text(number, told);
            self.delivery(&told.target, Some(event.sender.clone()), event, text)
        });
        // The bus of the bucket's own account takes it: nobody is asked.
        let bus = event.bus.iter().map(|(arn, told)| {
            let text = event.bus_text(number, told);
            self.delivery(arn, None, event, text)
        });
        told.chain(bus).collect()
    }

    fn delivery(&self, target: &str, sender: Option<Sender>, event: &ObjectEvent, body: String) -> Delivery {
        Delivery {
            target: target.to_owned(),
            origin: None,
            sender,
            tries: None,
            group: None,
            request_id: aws_api::request_id::new(),
            trace_id: event.trace_header.clone(),
            object_key: None,
            subject: Some(SUBJECT.to_owned()),
            attributes: Vec::new(),
            ended_at_ms: self.clock.now_ms(),
            body: body.into(),
        }
    }
}
