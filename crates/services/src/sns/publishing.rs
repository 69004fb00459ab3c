//! Publishing: one transaction puts a message into every queue, and accepts it for every function, whose subscription wants it. Whoever
//! hears that it was published can rely on that.

use std::{collections::BTreeSet, sync::Arc};

use aws_api::{arn::FunctionName, error_response::ApiError, generated::sns::types};
use lambda_model::{
    function::{FunctionKey, LATEST},
    invocation::asynchronous::{AsyncEvent, Delivery},
};
use store::{QueueTransaction, StoreError};
use tokio::task::spawn_blocking;

use super::{
    Handled, Sns,
    error::invalid,
    message::Message,
    notice::Notice,
    registry::{Subscription, Topic},
    signing::Signer,
    subscriptions::dead_letter_queue,
    topic::{Subscriber, TopicKey},
};
use crate::change::{ChangeError, failed};
use crate::{
    service::ServiceContext,
    sqs::{Door, outgoing::Outgoing, queue::QueueKey, sequence_number},
};

/// Entries of a batch at most.
const ENTRIES_MAX: usize = 10;
/// Bytes of a batch at most.
const BATCH_BYTES_MAX: usize = 262_144;
/// How long a FIFO topic knows a message again, milliseconds.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1_000;

/// Where one message goes.
#[derive(Clone)]
enum Goal {
    Queue(Door, Outgoing),
    Function(AsyncEvent),
    /// To somebody outside, by the outbox.
    Outside(Box<Delivery>),
}

/// A message with where it goes.
#[derive(Clone)]
struct Planned {
    message: Message,
    goals: Vec<Goal>,
}

/// What a publisher is told.
pub(crate) struct Published {
    message_id: String,
    sequence_number: Option<String>,
}

impl Sns {
    pub(super) async fn publish(
        &self,
        context: &ServiceContext,
        input: types::PublishInput,
    ) -> Handled<types::PublishResponse> {
        let entry = types::PublishBatchRequestEntry {
            id: None,
            message: input.message,
            subject: input.subject,
            message_structure: input.message_structure,
            message_attributes: input.message_attributes,
            message_deduplication_id: input.message_deduplication_id,
            message_group_id: input.message_group_id,
        };
        let arn = match (input.topic_arn, input.target_arn, input.phone_number) {
            (None, None, Some(number)) => return self.publish_to_phone(context, number, entry).await,
            (None, Some(arn), None) if arn.contains(":endpoint/") => {
                return self.publish_to_device(context, arn, entry).await;
            }
            (Some(arn), None, None) | (None, Some(arn), None) => arn,
            _ => return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
        };
        let (key, topic) = self.topic_of(context, Some(&arn))?;
        let traced_at = (self.clock.now_ms(), context.trace_header.clone());
        let message = Message::checked(entry, (&key, &topic), traced_at)?;
        let published = self.publish_all(&key, &topic, vec![message]).await?.pop();
        let published = published.ok_or_else(|| failed("nothing was published"))?;
        Ok(types::PublishResponse {
            message_id: Some(published.message_id),
            sequence_number: published.sequence_number,
        })
    }

    pub(super) async fn publish_batch(
        &self,
        context: &ServiceContext,
        input: types::PublishBatchInput,
    ) -> Handled<types::PublishBatchResponse> {
        let (key, topic) = self.topic_of(context, input.topic_arn.as_deref())?;
        let entries = input.publish_batch_request_entries.unwrap_or_default();
        check_batch(&entries)?;
        if key.is_fifo() && entries.iter().any(|entry| entry.message_group_id.is_none()) {
            return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
        }
        let traced_at = (self.clock.now_ms(), context.trace_header.clone());
        let (mut ids, mut messages, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let id = entry.id.clone().unwrap_or_default();
            match Message::checked(entry, (&key, &topic), traced_at.clone()) {
                Ok(message) => {
                    ids.push(id);
                    messages.push(message);
                }
                Err(error) => failed.push(failure(id, error)),
            }
        }
        let published = self.publish_all(&key, &topic, messages).await?;
        let successful =
            ids.into_iter().zip(published).map(|(id, published)| types::PublishBatchResultEntry {
                id: Some(id),
                message_id: Some(published.message_id),
                sequence_number: published.sequence_number,
            });
        Ok(types::PublishBatchResponse { successful: Some(successful.collect()), failed: Some(failed) })
    }

    async fn publish_all(
        &self,
        key: &TopicKey,
        topic: &Topic,
        messages: Vec<Message>,
    ) -> Handled<Vec<Published>> {
        let publication = self.planned(key, topic, messages).await?;
        let publish = move |transaction: &mut QueueTransaction<'_>| -> Result<_, ChangeError> {
            Ok(publication.put(transaction)?)
        };
        Ok(self.store.queues().transact(publish).await?)
    }

    /// Signatures take a while: not on a thread that others wait for.
    async fn planned(&self, key: &TopicKey, topic: &Topic, messages: Vec<Message>) -> Handled<Publication> {
        let fifo_topic = key.is_fifo().then(|| key.arn());
        let now_ms = self.clock.now_ms();
        if topic.subscriptions.is_empty() {
            let planned =
                messages.into_iter().map(|message| Planned { message, goals: Vec::new() }).collect();
            return Ok(Publication { fifo_topic, planned, now_ms });
        }
        let (signer, own, key, topic) = (self.signer(topic).await?, self.clone(), key.clone(), topic.clone());
        let plan =
            move || messages.into_iter().map(|message| own.plan(&key, &topic, message, &signer)).collect();
        let planned = spawn_blocking(plan).await.map_err(|error| failed(error.to_string()))?;
        Ok(Publication { fifo_topic, planned, now_ms })
    }

    /// The record of an asynchronous invocation, to be published in the transaction that takes it from the outbox.
    pub(crate) async fn record(&self, key: &TopicKey, delivery: &Delivery) -> Result<Publication, String> {
        let topic = self.registry.topic(key).ok_or("the topic does not exist")?;
        let attributes = delivery.attributes.iter().map(|attribute| {
            let value = types::MessageAttributeValue {
                data_type: Some(attribute.data_type.clone()),
                string_value: Some(attribute.value.clone()),
                binary_value: None,
            };
            (attribute.name.clone(), value)
        });
        let entry = types::PublishBatchRequestEntry {
            message: Some(String::from_utf8_lossy(&delivery.body).into_owned()),
            subject: delivery.subject.clone(),
            message_attributes: Some(attributes.collect()),
            ..Default::default()
        };
        let traced_at = (self.clock.now_ms(), delivery.trace_id.clone());
        let message = Message::checked(entry, (key, &topic), traced_at).map_err(|error| error.message)?;
        self.planned(key, &topic, vec![message]).await.map_err(|error| error.message)
    }

    /// Who gets the message, and how.
    fn plan(&self, key: &TopicKey, topic: &Topic, message: Message, signer: &Signer) -> Planned {
        let wants = |subscription: &&Arc<Subscription>| {
            let body = message.body.of(&subscription.record.protocol);
            let is_asked = subscription.record.confirmation.is_pending();
            !is_asked
                && subscription
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.lets_through(&message.attributes, body))
        };
        let wanted = topic.subscriptions.values().filter(wants);
        let goals =
            wanted.filter_map(|subscription| self.goal(subscription.of(key), &message, signer)).collect();
        Planned { message, goals }
    }

    fn goal(&self, subscriber: Subscriber<'_>, message: &Message, signer: &Signer) -> Option<Goal> {
        let record = subscriber.record;
        let planned = match record.protocol.as_str() {
            "sqs" => self.to_queue(&record.endpoint, message.for_queue(subscriber, signer)),
            "lambda" => self.to_function(subscriber, message, signer),
            _ => {
                let notice = Notice::of_message(message, subscriber, signer);
                Ok(Goal::Outside(Box::new(notice.into_delivery(message.trace_header.clone()))))
            }
        };
        planned.or_else(|why| self.to_dead_letters(subscriber, message, (signer, &why))).ok()
    }

    fn to_queue(&self, arn: &str, outgoing: Outgoing) -> Result<Goal, String> {
        let queue = QueueKey::of_arn(arn).ok_or("it is no queue")?;
        let door = self.sqs.door(&queue).ok_or("the queue does not exist")?;
        let outgoing = door.fitted(outgoing);
        door.check(&outgoing)?;
        Ok(Goal::Queue(door, outgoing))
    }

    fn to_function(
        &self,
        subscriber: Subscriber<'_>,
        message: &Message,
        signer: &Signer,
    ) -> Result<Goal, String> {
        let name = FunctionName::parse(&subscriber.record.endpoint).ok_or("it is no function")?;
        let function = FunctionKey {
            account_id: name.account_id.ok_or("the ARN has no account")?,
            region: name.region.ok_or("the ARN has no Region")?,
            name: name.name,
        };
        let qualifier = name.qualifier.filter(|qualifier| qualifier != LATEST);
        self.catalog.resolve(&function, qualifier.as_deref(), 0.0).map_err(|error| error.to_string())?;
        Ok(Goal::Function(AsyncEvent {
            request_id: aws_api::request_id::new(),
            key: function,
            qualifier,
            payload: message.for_function(subscriber, signer).into(),
            trace_id: message.trace_header.clone(),
            accepted_at_ms: message.published_ms,
        }))
    }

    /// What cannot be delivered goes to the subscription's dead-letter queue. Without one it is lost, as on AWS; the log says so.
    fn to_dead_letters(
        &self,
        subscriber: Subscriber<'_>,
        message: &Message,
        (signer, why): (&Signer, &str),
    ) -> Result<Goal, String> {
        tracing::warn!(subscription = subscriber.arn(), why, "a message could not be delivered");
        let policy =
            subscriber.record.attributes.get("RedrivePolicy").ok_or("there is no dead-letter queue")?;
        let queue = dead_letter_queue(policy).ok_or("it is no queue")?;
        self.to_queue(&queue.arn(), message.for_queue(subscriber, signer))
    }
}

/// Messages with where they go.
#[derive(Clone)]
pub(crate) struct Publication {
    /// The ARN of the topic, where it is a FIFO topic.
    fifo_topic: Option<String>,
    planned: Vec<Planned>,
    now_ms: i64,
}

impl Publication {
    /// Publishes all of them.
    pub(crate) fn put(&self, transaction: &mut QueueTransaction<'_>) -> Result<Vec<Published>, StoreError> {
        let each = self.planned.iter().cloned();
        each.map(|planned| publish(transaction, self.fifo_topic.as_deref(), planned, self.now_ms)).collect()
    }
}

/// Publishes, unless a FIFO topic (whose ARN this is) has the message already.
fn publish(
    transaction: &mut QueueTransaction<'_>,
    fifo_topic: Option<&str>,
    Planned { message, goals }: Planned,
    now_ms: i64,
) -> Result<Published, StoreError> {
    let Some(topic) = fifo_topic else {
        goals.into_iter().try_for_each(|goal| send(transaction, goal))?;
        return Ok(Published { message_id: message.message_id, sequence_number: None });
    };
    let key = message.deduplication_id.unwrap_or_default();
    if let Some(known) = transaction.recall(topic, &key, now_ms)? {
        let known = String::from_utf8_lossy(&known).into_owned();
        let (message_id, sequence) = known.split_once(' ').unwrap_or((&known, ""));
        return Ok(Published {
            message_id: message_id.to_owned(),
            sequence_number: Some(sequence.to_owned()),
        });
    }
    let sequence = sequence_number(transaction.number());
    let value = format!("{} {sequence}", message.message_id);
    transaction.remember(topic, &key, value.as_bytes(), (now_ms, now_ms + DEDUPLICATION_MS))?;
    goals.into_iter().try_for_each(|goal| send(transaction, goal))?;
    Ok(Published { message_id: message.message_id, sequence_number: Some(sequence) })
}

fn send(transaction: &mut QueueTransaction<'_>, goal: Goal) -> Result<(), StoreError> {
    match goal {
        Goal::Queue(door, outgoing) => door.put(transaction, outgoing),
        Goal::Function(event) => transaction.accept(event),
        Goal::Outside(delivery) => transaction.deliver(*delivery),
    }
}

fn check_batch(entries: &[types::PublishBatchRequestEntry]) -> Handled<()> {
    if entries.is_empty() {
        return Err(ApiError::user(
            "EmptyBatchRequest",
            400,
            "The batch request doesn't contain any entries.",
        ));
    }
    if entries.len() > ENTRIES_MAX {
        return Err(ApiError::user(
            "TooManyEntriesInBatchRequest",
            400,
            "The batch request contains more entries than permissible.",
        ));
    }
    let ids: Vec<&str> = entries.iter().filter_map(|entry| entry.id.as_deref()).collect();
    let is_id = |id: &&str| {
        (1..=80).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !ids.iter().all(is_id) {
        return Err(ApiError::user(
            "InvalidBatchEntryId",
            400,
            "The Id of a batch entry in a batch request doesn't abide by the specification.",
        ));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() != entries.len() {
        return Err(ApiError::user(
            "BatchEntryIdsNotDistinct",
            400,
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    let bytes: usize = entries.iter().filter_map(|entry| entry.message.as_ref()).map(String::len).sum();
    match bytes > BATCH_BYTES_MAX {
        true => Err(ApiError::user(
            "BatchRequestTooLong",
            400,
            "The length of all the batch messages put together is more than the limit.",
        )),
        false => Ok(()),
    }
}

fn failure(id: String, error: ApiError) -> types::BatchResultErrorEntry {
    types::BatchResultErrorEntry {
        id: Some(id),
        code: Some(error.code.to_owned()),
        message: Some(error.message),
        sender_fault: Some(error.fault == "User"),
    }
}
