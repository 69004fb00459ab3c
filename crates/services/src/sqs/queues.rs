//! Queues: they are made, found, changed, emptied and deleted.

use std::{collections::BTreeMap, sync::Arc};

use aws_api::{error_response::ApiError, generated::sqs::types, pagination};
use store::Transaction;

use super::{
    Handled, Sqs,
    error::{invalid_value, no_queue},
    queue::{FIFO_SUFFIX, Queue, QueueKey, QueueRecord},
    settings, tags, url,
};
use crate::change::ChangeError;
use crate::service::ServiceContext;

/// Characters of a name at most (SQS quotas).
const NAME_MAX: usize = 80;
/// Queues of a page at most (API reference, ListQueues).
const PAGE_MAX: i64 = 1_000;

impl Sqs {
    pub(super) async fn create_queue(
        &self,
        context: &ServiceContext,
        input: types::CreateQueueRequest,
    ) -> Handled<types::CreateQueueResult> {
        let key = own(context, input.queue_name.unwrap_or_default());
        let attributes = input.attributes.unwrap_or_default();
        check_name(&key.name, &attributes)?;
        settings::check(&attributes, key.is_fifo())?;
        let tags = input.tags.unwrap_or_default();
        tags::check(&key.name, &tags)?;
        self.check_dead_letter_queue(&key, &attributes)?;
        let now_seconds = context.now_seconds();
        let document = key.document();
        let is_fifo = key.is_fifo();
        self.store
            .transact(move |transaction| {
                if let Some(existing) = transaction.document::<QueueRecord>(&document)? {
                    return is_the_same(&existing, &attributes, is_fifo).map_err(ChangeError::from);
                }
                let record = QueueRecord {
                    id: uuid::Uuid::new_v4().to_string(),
                    created_seconds: now_seconds,
                    modified_seconds: now_seconds,
                    attributes,
                    tags,
                    purged_up_to: 0,
                };
                Ok(transaction.put_document(&document, &record)?)
            })
            .await?;
        Ok(types::CreateQueueResult { queue_url: Some(url::of(context, &key)) })
    }

    pub(super) async fn delete_queue(
        &self,
        context: &ServiceContext,
        input: types::DeleteQueueRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let document = queue.key.document();
        let existed = self
            .store
            .transact(move |transaction| {
                Ok::<_, ChangeError>(transaction.delete_document::<QueueRecord>(&document)?)
            })
            .await?;
        if !existed {
            return Err(no_queue());
        }
        self.housekeeping.notify_one();
        Ok(())
    }

    pub(super) async fn get_queue_url(
        &self,
        context: &ServiceContext,
        input: types::GetQueueUrlRequest,
    ) -> Handled<types::GetQueueUrlResult> {
        let mut key = own(context, input.queue_name.unwrap_or_default());
        key.account_id = input.queue_owner_aws_account_id.unwrap_or(key.account_id);
        self.registry.queue(&key).ok_or_else(no_queue)?;
        Ok(types::GetQueueUrlResult { queue_url: Some(url::of(context, &key)) })
    }

    pub(super) async fn list_queues(
        &self,
        context: &ServiceContext,
        input: types::ListQueuesRequest,
    ) -> Handled<types::ListQueuesResult> {
        let prefix = input.queue_name_prefix.unwrap_or_default();
        let queues = self.registry.of_account(context.account_id(), &context.region);
        let names = queues.iter().map(|queue| queue.key.clone()).filter(|key| key.name.starts_with(&prefix));
        let (keys, next_token) = page(names.collect(), input.max_results, input.next_token)?;
        let urls: Vec<_> = keys.iter().map(|key| url::of(context, key)).collect();
        Ok(types::ListQueuesResult { queue_urls: (!urls.is_empty()).then_some(urls), next_token })
    }

    pub(super) async fn list_dead_letter_source_queues(
        &self,
        context: &ServiceContext,
        input: types::ListDeadLetterSourceQueuesRequest,
    ) -> Handled<types::ListDeadLetterSourceQueuesResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let is_source = |source: &Arc<Queue>| {
            source.settings.redrive.as_ref().is_some_and(|redrive| redrive.target == queue.key)
        };
        let sources = self.registry.all().into_iter().filter(is_source).map(|source| source.key.clone());
        let (keys, next_token) = page(sources.collect(), input.max_results, input.next_token)?;
        let urls = keys.iter().map(|key| url::of(context, key)).collect();
        Ok(types::ListDeadLetterSourceQueuesResult { queue_urls: Some(urls), next_token })
    }

    pub(super) async fn purge_queue(
        &self,
        context: &ServiceContext,
        input: types::PurgeQueueRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let last = self.store.queues().last_id();
        self.change(&queue, move |record| {
            record.purged_up_to = record.purged_up_to.max(last);
            Ok(())
        })
        .await?;
        self.housekeeping.notify_one();
        Ok(())
    }

    /// The queue of a URL.
    pub(super) fn queue_at(&self, context: &ServiceContext, url: Option<&str>) -> Handled<Arc<Queue>> {
        let key = url::key(context, url.unwrap_or_default())?;
        self.registry.queue(&key).ok_or_else(no_queue)
    }

    /// Changes what is stored of a queue.
    pub(super) async fn change(
        &self,
        queue: &Queue,
        change: impl FnOnce(&mut QueueRecord) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let (document, id) = (queue.key.document(), queue.id().to_owned());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let record = transaction.document::<QueueRecord>(&document)?.filter(|record| record.id == id);
            let mut record = record.ok_or_else(no_queue)?;
            change(&mut record)?;
            Ok(transaction.put_document(&document, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }

    /// A dead-letter queue is there, of the same kind, in the same account and Region, and takes this queue's messages.
    pub(super) fn check_dead_letter_queue(
        &self,
        source: &QueueKey,
        attributes: &BTreeMap<String, String>,
    ) -> Handled<()> {
        let Some(redrive) = settings::Settings::of(attributes, source.is_fifo()).redrive else {
            return Ok(());
        };
        let text = attributes.get("RedrivePolicy").map(String::as_str).unwrap_or_default();
        let wrong = |reason: &str| {
            invalid_value(format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"))
        };
        let target = self
            .registry
            .queue(&redrive.target)
            .ok_or_else(|| wrong("Dead letter target does not exist."))?;
        if (&target.key.account_id, &target.key.region) != (&source.account_id, &source.region) {
            return Err(wrong("Dead-letter target owner or Region is not that of the source queue."));
        }
        if target.settings.is_fifo != source.is_fifo() {
            return Err(wrong("Dead-letter queue must be same type of queue as the source."));
        }
        match target.settings.takes_dead_letters_of(source) {
            true => Ok(()),
            false => Err(wrong("The dead-letter queue does not allow this queue for a source.")),
        }
    }
}

fn own(context: &ServiceContext, name: String) -> QueueKey {
    QueueKey { account_id: context.account_id().to_owned(), region: context.region.clone(), name }
}

fn check_name(name: &str, attributes: &BTreeMap<String, String>) -> Handled<()> {
    let is_named = |name: &str| {
        (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let stem = name.strip_suffix(FIFO_SUFFIX);
    let wants_fifo = attributes.get("FifoQueue").is_some_and(|value| value == "true");
    if wants_fifo || stem.is_some() {
        let is_right = wants_fifo && name.len() <= NAME_MAX && stem.is_some_and(is_named);
        let wrong = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.";
        return if is_right { Ok(()) } else { Err(invalid_value(wrong)) };
    }
    match is_named(name) {
        true => Ok(()),
        false => Err(invalid_value(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )),
    }
}

/// Making a queue again changes nothing, if what is said of it is what it has.
fn is_the_same(existing: &QueueRecord, attributes: &BTreeMap<String, String>, is_fifo: bool) -> Handled<()> {
    let has = settings::shown(&existing.attributes, is_fifo);
    let is_other = |(name, value): &(&String, &String)| {
        has.get(*name).map(String::as_str).unwrap_or_default() != value.as_str()
    };
    match attributes.iter().find(is_other) {
        None => Ok(()),
        Some((name, _)) => Err(ApiError::user(
            "QueueNameExists",
            400,
            format!("A queue already exists with the same name and a different value for attribute {name}"),
        )),
    }
}

/// A page of queues, and where the next begins.
fn page(
    keys: Vec<QueueKey>,
    max: Option<i64>,
    token: Option<String>,
) -> Handled<(Vec<QueueKey>, Option<String>)> {
    let Some(max) = max else {
        return match token {
            None => Ok((keys, None)),
            Some(_) => Err(invalid_value(
                "MaxResults is a mandatory parameter when you provide a value for NextToken.",
            )),
        };
    };
    if !(1..=PAGE_MAX).contains(&max) {
        return Err(invalid_value(format!(
            "Value for parameter MaxResults is invalid. Reason: Must be an integer value between 1 and {PAGE_MAX}."
        )));
    }
    let after = token.map(|token| pagination::decode(&token)).transpose();
    let after = after.map_err(|_| invalid_value("Invalid or expired next token."))?;
    let mut rest = keys.into_iter().filter(|key| after.as_ref().is_none_or(|after| key.name > *after));
    let page: Vec<_> = rest.by_ref().take(usize::try_from(max).unwrap_or(0)).collect();
    let next = rest.next().and(page.last()).map(|last| pagination::encode(&last.name));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_kind_of_queue_it_is() {
        let fifo: BTreeMap<String, String> = [("FifoQueue".to_owned(), "true".to_owned())].into();
        for (name, attributes, right) in [
            ("q_1-A", &BTreeMap::new(), true),
            ("", &BTreeMap::new(), false),
            ("a.b", &BTreeMap::new(), false),
            ("q.fifo", &BTreeMap::new(), false),
            ("q.fifo", &fifo, true),
            ("q", &fifo, false),
            (".fifo", &fifo, false),
        ] {
            assert_eq!(check_name(name, attributes).is_ok(), right, "{name}");
        }
        assert!(check_name(&"a".repeat(81), &BTreeMap::new()).is_err());
    }

    #[test]
    fn pages_follow_each_other() {
        let key = |name: &str| QueueKey { account_id: "0".into(), region: "r".into(), name: name.into() };
        let keys = || vec![key("a"), key("b"), key("c")];
        let (first, token) = page(keys(), Some(2), None).unwrap();
        assert_eq!(first, [key("a"), key("b")]);
        let (second, end) = page(keys(), Some(2), token).unwrap();
        assert_eq!((second, end), (vec![key("c")], None));
        assert!(page(keys(), None, Some("x".into())).is_err());
        assert!(page(keys(), Some(0), None).is_err());
    }
}
