//! The targets, and how each is told.

use std::{collections::HashMap, sync::Arc};

use aws_api::timestamp;
use lambda_model::{
    function::FunctionKey,
    invocation::asynchronous::{AsyncEvent, Delivery, DeliveryOrigin, MessageAttribute},
};
use store::{LogEvent, LogGroupKey, OutboxItem, QueueTransaction, StoreError};

use super::Deliveries;
use crate::{
    eventbridge::{self, BusKey},
    s3::{Requester, S3Context, Trailers},
    sns::TopicKey,
    sqs::{outgoing::Outgoing, queue::QueueKey},
    targets,
};

/// A target, from its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A function, and under which qualifier.
    Function(FunctionKey, Option<String>),
    /// A queue of SQS.
    Queue(QueueKey),
    /// A topic of SNS.
    Topic(TopicKey),
    /// A subscription of a topic: somebody outside.
    Subscription(String),
    /// A bucket of S3.
    Bucket(String),
    /// A bus of EventBridge.
    Bus(BusKey),
    /// An API destination of EventBridge: somebody outside.
    ApiDestination(String),
    /// Archives of EventBridge: what comes says which.
    Archives,
    /// A group of CloudWatch Logs.
    LogGroup(LogGroupKey),
    /// Of a service that is not here: `events`, say.
    Elsewhere(String),
}

/// What could not be delivered, and why.
pub(super) type Failed = Vec<(OutboxItem, String)>;

impl Target {
    pub(super) fn parse(arn: &str) -> Option<Self> {
        let service = arn.split(':').nth(2)?;
        match service {
            "lambda" => {}
            "sqs" => return QueueKey::of_arn(arn).map(Self::Queue),
            "sns" if TopicKey::of_arn(arn).is_none() => return Some(Self::Subscription(arn.to_owned())),
            "sns" => return TopicKey::of_arn(arn).map(Self::Topic),
            "s3" => return arn.rsplit(':').next().map(str::to_owned).map(Self::Bucket),
            "events" if arn.ends_with(":::") => return Some(Self::Archives),
            "events" if eventbridge::is_destination(arn) => {
                return Some(Self::ApiDestination(arn.to_owned()));
            }
            "events" => return BusKey::of_arn(arn).map(Self::Bus),
            "logs" => return log_group(arn).map(Self::LogGroup),
            _ => return Some(Self::Elsewhere(service.to_owned())),
        }
        targets::function(arn).map(|(key, qualifier)| Self::Function(key, qualifier))
    }
}

impl Deliveries {
    /// Delivers all of them; what could not be is given back.
    pub(super) async fn deliver_to(&self, target: &Target, items: Vec<OutboxItem>) -> Failed {
        match target {
            Target::Function(key, qualifier) => {
                if let Err(error) = self.parts.catalog.resolve(key, qualifier.as_deref(), 0.0) {
                    return all_failed(items, &error.to_string());
                }
                tracing::trace!(target: "crash_point", "deliveries: the target is there");
                let (key, qualifier) = (key.clone(), qualifier.clone());
                let now_ms = self.parts.clock.now_ms();
                self.in_one(items, move |transaction, item| {
                    transaction.accept(event(&key, qualifier.clone(), item, now_ms))
                })
                .await
            }
            Target::Queue(key) => self.deliver_to_queue(key, items).await,
            Target::Topic(key) => self.deliver_to_topic(key, items).await,
            Target::Subscription(arn) => {
                self.tell(arn, items).await;
                Failed::new()
            }
            Target::Bucket(bucket) => self.deliver_to_bucket(bucket, items).await,
            Target::Bus(key) => self.deliver_to_bus(key, items).await,
            Target::ApiDestination(arn) => self.call(arn, items).await,
            Target::Archives => self.deliver_to_archives(items).await,
            Target::LogGroup(key) => self.deliver_to_logs(key, items).await,
            Target::Elsewhere(service) => {
                all_failed(items, &format!("the service {service} is not implemented by this server"))
            }
        }
    }

    async fn deliver_to_queue(&self, key: &QueueKey, items: Vec<OutboxItem>) -> Failed {
        let Some(door) = self.parts.sqs.door(key) else {
            return all_failed(items, "the queue does not exist");
        };
        let (mut fit, mut failed) = (Vec::new(), Vec::new());
        for item in items {
            match door.check(&message(&item)) {
                Ok(()) => fit.push(item),
                Err(why) => failed.push((item, why)),
            }
        }
        tracing::trace!(target: "crash_point", "deliveries: the queue is there");
        let put = move |transaction: &mut QueueTransaction<'_>, item: &OutboxItem| {
            door.put(transaction, message(item))
        };
        failed.extend(self.in_one(fit, put).await);
        failed
    }

    async fn deliver_to_topic(&self, key: &TopicKey, items: Vec<OutboxItem>) -> Failed {
        let mut failed = Vec::new();
        for item in items {
            match self.parts.sns.record(key, &item.delivery).await {
                Ok(publication) => {
                    let put = move |transaction: &mut QueueTransaction<'_>, _: &OutboxItem| {
                        publication.put(transaction).map(drop)
                    };
                    failed.extend(self.in_one(vec![item], put).await);
                }
                Err(why) => failed.push((item, why)),
            }
        }
        failed
    }

    /// An object for each. Its name follows from the event: one that is delivered again is the same object.
    async fn deliver_to_bucket(&self, bucket: &str, items: Vec<OutboxItem>) -> Failed {
        let mut failed = Vec::new();
        for item in items {
            let delivery = &item.delivery;
            let Some(DeliveryOrigin { function, .. }) = &delivery.origin else {
                failed.push((item, "only records of invocations go into buckets".into()));
                continue;
            };
            let context = S3Context {
                account_id: function.account_id.clone(),
                region: function.region.clone(),
                now_ms: self.parts.clock.now_ms(),
                trailers: Trailers::default(),
                requester: Requester::service("lambda.amazonaws.com"),
            };
            let key = delivery.object_key.clone().unwrap_or_else(|| object_key(&function.name, delivery));
            let put = self.parts.s3.put_json(context, bucket, key, delivery.body.clone()).await;
            tracing::trace!(target: "crash_point", "deliveries: an object is put");
            match put {
                Ok(()) => failed.extend(self.in_one(vec![item], |_, _| Ok(())).await),
                Err(why) => failed.push((item, why)),
            }
        }
        failed
    }

    /// As if it were put there: what the rules of the bus want is in the outbox then. What comes from another bus does not go on to a third
    /// one (EventBridge user guide, sending events between event buses): nothing goes round for ever.
    async fn deliver_to_bus(&self, key: &BusKey, items: Vec<OutboxItem>) -> Failed {
        let wanted = |item: &OutboxItem| {
            let event = String::from_utf8_lossy(&item.delivery.body);
            let mut wanted = self.parts.events.wanted(key, &event, item.delivery.trace_id.as_deref());
            let sender = item.delivery.sender.as_ref();
            if sender.is_some_and(|sender| sender.service == eventbridge::SERVICE) {
                wanted.retain(|next| BusKey::of_arn(&next.target).is_none());
            }
            (item.delivery.request_id.clone(), wanted)
        };
        // Not on the writer's thread, which others wait for.
        let wanted: HashMap<String, Vec<Delivery>> = items.iter().map(wanted).collect();
        self.in_one(items, move |transaction, item| {
            let wanted = wanted.get(&item.delivery.request_id).into_iter().flatten();
            wanted.cloned().try_for_each(|delivery| transaction.deliver(delivery))
        })
        .await
    }

    async fn deliver_to_archives(&self, items: Vec<OutboxItem>) -> Failed {
        let bodies: Vec<_> = items.iter().map(|item| item.delivery.body.clone()).collect();
        match self.parts.events.archive_events(&bodies).await {
            Ok(()) => self.in_one(items, |_, _| Ok(())).await,
            Err(error) => all_failed(items, &error.to_string()),
        }
    }

    /// A stream for each, as EventBridge has it.
    async fn deliver_to_logs(&self, key: &LogGroupKey, items: Vec<OutboxItem>) -> Failed {
        let mut failed = Vec::new();
        for item in items {
            let (logs, group) = (self.parts.logs.clone(), key.clone());
            let (stream, body) = (item.delivery.request_id.clone(), item.delivery.body.clone());
            let timestamp_ms = self.parts.clock.now_ms();
            let put = move || -> Option<Result<(), StoreError>> {
                logs.create_stream(&group, &stream)?.ok();
                logs.put(&group, &stream, &[LogEvent { timestamp_ms, message: &body }])
                    .map(|put| put.map(drop))
            };
            match tokio::task::spawn_blocking(put).await {
                Ok(Some(Ok(()))) => failed.extend(self.in_one(vec![item], |_, _| Ok(())).await),
                Ok(Some(Err(error))) => failed.push((item, error.to_string())),
                Ok(None) | Err(_) => failed.push((item, "the log group does not exist".into())),
            }
        }
        failed
    }

    /// Delivers within this server, and takes from the outbox, in one transaction.
    pub(super) async fn in_one(
        &self,
        items: Vec<OutboxItem>,
        put: impl Fn(&mut QueueTransaction<'_>, &OutboxItem) -> Result<(), StoreError> + Send + 'static,
    ) -> Failed {
        let shared = Arc::new(items);
        let moved = Arc::clone(&shared);
        let done = self
            .parts
            .queues
            .transact(move |transaction| {
                moved.iter().try_for_each(|item| {
                    put(transaction, item)?;
                    tracing::trace!(target: "crash_point", "deliveries: one is handed over");
                    transaction.delivered(item)
                })
            })
            .await;
        match done {
            Ok(()) => Vec::new(),
            Err(error) => all_failed(Arc::into_inner(shared).unwrap_or_default(), &error.to_string()),
        }
    }
}

/// The name of the object of a record (Lambda developer guide, asynchronous invocation destinations).
fn object_key(function: &str, delivery: &Delivery) -> String {
    let ended = timestamp::iso_seconds(delivery.ended_at_ms.div_euclid(1_000));
    let ended = ended.trim_end_matches('Z');
    let day = ended.split('T').next().unwrap_or_default().replace('-', "/");
    let time = ended.replace(':', ".");
    format!("aws/lambda/async/{function}/{day}/{time}-{}", delivery.request_id)
}

/// The group that an ARN names, with or without the `:*` that stands for its streams.
fn log_group(arn: &str) -> Option<LogGroupKey> {
    let parts: Vec<&str> = arn.strip_suffix(":*").unwrap_or(arn).split(':').collect();
    let ["arn", _, "logs", region, account_id, "log-group", name] = parts[..] else { return None };
    Some(LogGroupKey { account_id: account_id.into(), region: region.into(), name: name.into() })
}

/// What a queue gets.
fn message(item: &OutboxItem) -> Outgoing {
    let body = String::from_utf8_lossy(&item.delivery.body).into_owned();
    let attributes = item.delivery.attributes.iter();
    let mut message = Outgoing::text(body).traced(item.delivery.trace_id.clone());
    if item.delivery.group.is_some() {
        message.set_group(item.delivery.group.clone(), Some(item.delivery.request_id.clone()));
    }
    attributes.fold(message, |message, MessageAttribute { name, data_type, value }| {
        message.with_attribute(name, data_type, value)
    })
}

/// The record as an event of another function.
fn event(key: &FunctionKey, qualifier: Option<String>, item: &OutboxItem, now_ms: i64) -> AsyncEvent {
    AsyncEvent {
        request_id: aws_api::request_id::new(),
        key: key.clone(),
        qualifier,
        payload: item.delivery.body.clone(),
        trace_id: item.delivery.trace_id.clone(),
        accepted_at_ms: now_ms,
    }
}

pub(super) fn all_failed(items: Vec<OutboxItem>, why: &str) -> Failed {
    items.into_iter().map(|item| (item, why.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_arn() {
        let key = |name: &str| FunctionKey {
            account_id: "000000000000".into(),
            region: "us-east-1".into(),
            name: name.into(),
        };
        let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
        assert_eq!(Target::parse(function), Some(Target::Function(key("f"), None)));
        let aliased = Target::parse(&format!("{function}:live"));
        assert_eq!(aliased, Some(Target::Function(key("f"), Some("live".into()))));
        let queue = QueueKey::of_arn("arn:aws:sqs:us-east-1:000000000000:q").unwrap();
        assert_eq!(Target::parse(&queue.arn()), Some(Target::Queue(queue)));
        let topic = "arn:aws:sns:us-east-1:000000000000:t";
        assert_eq!(Target::parse(topic), TopicKey::of_arn(topic).map(Target::Topic));
        let subscription = format!("{topic}:u");
        assert_eq!(Target::parse(&subscription), Some(Target::Subscription(subscription)));
        assert_eq!(Target::parse("arn:aws:s3:::b"), Some(Target::Bucket("b".into())));
        let bus = Target::parse("arn:aws:events:us-east-1:000000000000:event-bus/default");
        assert!(matches!(bus, Some(Target::Bus(bus)) if bus.name == "default"));
        let group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/g";
        for arn in [group.to_owned(), format!("{group}:*")] {
            assert!(
                matches!(Target::parse(&arn), Some(Target::LogGroup(group)) if group.name == "/aws/events/g")
            );
        }
        let stream = Target::parse("arn:aws:kinesis:us-east-1:000000000000:stream/s");
        assert_eq!(stream, Some(Target::Elsewhere("kinesis".into())));
        assert_eq!(Target::parse("no arn"), None);
    }
}
