//! Tags of queues.

use std::collections::BTreeMap;

use aws_api::generated::sqs::types;

use super::{
    Handled, Sqs,
    error::{invalid_value, missing},
};
use crate::service::ServiceContext;

/// Tags of a queue at most (SQS developer guide, tags).
const TAGS_MAX: usize = 50;
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 256;

impl Sqs {
    pub(super) async fn tag_queue(
        &self,
        context: &ServiceContext,
        input: types::TagQueueRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let (name, tags) = (queue.key.name.clone(), input.tags.unwrap_or_default());
        if tags.is_empty() {
            return Err(missing("Tags"));
        }
        self.change(&queue, move |record| {
            record.tags.extend(tags);
            check(&name, &record.tags)
        })
        .await
    }

    pub(super) async fn untag_queue(
        &self,
        context: &ServiceContext,
        input: types::UntagQueueRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let keys = input.tag_keys.unwrap_or_default();
        if keys.is_empty() {
            return Err(invalid_value("Tag keys must be between 1 and 128 characters in length."));
        }
        self.change(&queue, move |record| {
            record.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    pub(super) async fn list_queue_tags(
        &self,
        context: &ServiceContext,
        input: types::ListQueueTagsRequest,
    ) -> Handled<types::ListQueueTagsResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let tags = queue.record.tags.clone();
        Ok(types::ListQueueTagsResult { tags: (!tags.is_empty()).then_some(tags) })
    }
}

pub(super) fn check(queue: &str, tags: &BTreeMap<String, String>) -> Handled<()> {
    if tags.len() > TAGS_MAX {
        return Err(invalid_value(format!("Too many tags added for queue {queue}.")));
    }
    let is_right = |(key, value): (&String, &String)| {
        (1..=KEY_MAX).contains(&key.chars().count())
            && value.chars().count() <= VALUE_MAX
            && !key.to_ascii_lowercase().starts_with("aws:")
    };
    match tags.iter().all(is_right) {
        true => Ok(()),
        false => Err(invalid_value(
            "Tag keys must be between 1 and 128 characters in length and not begin with aws:, tag values up to 256 characters.",
        )),
    }
}
