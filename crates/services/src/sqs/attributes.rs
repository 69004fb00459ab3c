//! GetQueueAttributes and SetQueueAttributes.

use std::{collections::BTreeMap, ops::ControlFlow};

use aws_api::generated::sqs::types;
use store::MessageView;

use super::{
    Handled, Sqs,
    error::unknown_attribute,
    message::State,
    queue::Queue,
    receiving::{is_gone, state_of},
    settings,
};
use crate::change::of_store;
use crate::service::ServiceContext;

impl Sqs {
    pub(super) async fn get_queue_attributes(
        &self,
        context: &ServiceContext,
        input: types::GetQueueAttributesRequest,
    ) -> Handled<types::GetQueueAttributesResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let asked = input.attribute_names.unwrap_or_default();
        settings::check_names(&asked)?;
        let is_asked = |name: &str| asked.iter().any(|asked| asked == "All" || asked == name);
        let mut all = settings::shown(&queue.record.attributes, queue.settings.is_fifo);
        all.insert("QueueArn".into(), queue.key.arn());
        all.insert("CreatedTimestamp".into(), queue.record.created_seconds.to_string());
        all.insert("LastModifiedTimestamp".into(), queue.record.modified_seconds.to_string());
        if COUNTS.iter().any(|name| is_asked(name)) {
            let counts = self.counts(&queue).await?;
            let counts = [counts.visible, counts.in_flight, counts.delayed];
            let counts = COUNTS.iter().zip(counts);
            all.extend(counts.map(|(name, count)| ((*name).to_owned(), count.to_string())));
        }
        all.retain(|name, _| is_asked(name));
        Ok(types::GetQueueAttributesResult { attributes: (!all.is_empty()).then_some(all) })
    }

    pub(super) async fn set_queue_attributes(
        &self,
        context: &ServiceContext,
        input: types::SetQueueAttributesRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let attributes = input.attributes.unwrap_or_default();
        // What kind of queue it is cannot be changed.
        if attributes.contains_key("FifoQueue") {
            return Err(unknown_attribute("FifoQueue"));
        }
        settings::check_each(&attributes, queue.settings.is_fifo)?;
        self.check_dead_letter_queue(&queue.key, &attributes)?;
        let (now_seconds, is_fifo) = (context.now_seconds(), queue.settings.is_fifo);
        self.change(&queue, move |record| {
            let mut all: BTreeMap<String, String> = record.attributes.clone();
            all.extend(attributes);
            all.retain(|_, value| !value.is_empty());
            settings::check(&all, is_fifo)?;
            record.attributes = all;
            record.modified_seconds = now_seconds;
            Ok(())
        })
        .await
    }

    /// Counts the messages of a queue.
    pub(super) async fn counts(&self, queue: &Queue) -> Handled<Counts> {
        let (moved, now_ms) = (queue.clone(), self.clock.now_ms());
        let count = move |view: &MessageView<'_>| {
            let mut counts = Counts::default();
            view.each(|place, state| {
                let state = state_of(state, now_ms);
                if !is_gone(&moved, place, &state, now_ms) {
                    counts.count(&state, now_ms);
                }
                ControlFlow::Continue(())
            })?;
            Ok(counts)
        };
        self.store.queues().look_at_messages(queue.id(), count).await.map_err(of_store)
    }
}

/// The attributes that are counted, in the order of [`Counts`].
const COUNTS: [&str; 3] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
];

/// How many messages of a queue are what.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

impl Counts {
    fn count(&mut self, state: &State, now_ms: i64) {
        if state.visible_ms <= now_ms {
            self.visible += 1;
        } else if state.is_in_flight(now_ms) {
            self.in_flight += 1;
        } else {
            self.delayed += 1;
        }
    }
}
