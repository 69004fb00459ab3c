//! Consumers: readers of a stream with a name.

use std::collections::BTreeMap;

use aws_api::generated::kinesis::types;

use super::{
    Handled, Kinesis, Named,
    describe::seconds,
    error::{in_use, invalid_argument, limit_exceeded, not_found},
    limits,
    record::{Consumer, StreamRecord},
    tags,
};
use crate::{paging, service::ServiceContext};

/// What stands between the ARN of a stream and the name of its consumer.
const BETWEEN: &str = "/consumer/";
/// It can be used at once.
const ACTIVE: &str = "ACTIVE";

/// The ARN of a stream, and what names its consumer, from the ARN of either.
pub(super) fn split_arn(arn: &str) -> (&str, Option<&str>) {
    arn.split_once(BETWEEN).map_or((arn, None), |(stream, consumer)| (stream, Some(consumer)))
}

impl Consumer {
    /// Its ARN has the second in which it was registered.
    pub(super) fn arn(&self, stream_arn: &str) -> String {
        format!("{stream_arn}{BETWEEN}{}", self.id())
    }

    pub(super) fn id(&self) -> String {
        format!("{}:{}", self.name, self.created_ms.div_euclid(1_000))
    }

    fn shown(&self, stream_arn: &str) -> types::Consumer {
        types::Consumer {
            consumer_name: Some(self.name.clone()),
            consumer_arn: Some(self.arn(stream_arn)),
            consumer_status: Some(ACTIVE.to_owned()),
            consumer_creation_timestamp: Some(seconds(self.created_ms)),
        }
    }
}

/// How a request names a consumer.
struct Which {
    named: Named,
    name: Option<String>,
    arn: Option<String>,
}

impl Which {
    fn of(
        context: &ServiceContext,
        (stream_arn, name, arn): (Option<String>, Option<String>, Option<String>),
    ) -> Handled<Self> {
        let of_stream = arn.as_deref().map(|arn| split_arn(arn).0.to_owned()).or(stream_arn);
        if arn.is_none() && (of_stream.is_none() || name.is_none()) {
            return Err(invalid_argument(
                "Either ConsumerARN, or StreamARN and ConsumerName must be specified.",
            ));
        }
        Ok(Self { named: Named::of(context, None, of_stream)?, name, arn })
    }

    /// Where it is in the stream.
    fn place(&self, stream: &StreamRecord) -> Handled<usize> {
        let is_it = |consumer: &Consumer| match &self.arn {
            Some(arn) => consumer.arn(&self.named.arn) == *arn,
            None => Some(&consumer.name) == self.name.as_ref(),
        };
        stream.consumers.iter().position(is_it).ok_or_else(|| self.missing())
    }

    fn missing(&self) -> aws_api::error_response::ApiError {
        let shown = self.arn.as_ref().or(self.name.as_ref()).map_or("", String::as_str);
        not_found(format!("Consumer {shown}, account {} not found.", self.named.account_id))
    }
}

impl Kinesis {
    pub(super) async fn register_stream_consumer(
        &self,
        context: &ServiceContext,
        input: types::RegisterStreamConsumerInput,
    ) -> Handled<types::RegisterStreamConsumerOutput> {
        let named = Named::of(context, None, input.stream_arn)?;
        let (arn, account_id) = (named.arn.clone(), named.account_id.clone());
        let tags: BTreeMap<String, String> = input.tags.unwrap_or_default();
        tags::check(&tags)?;
        let name = input.consumer_name.unwrap_or_default();
        let consumer = Consumer { name, created_ms: context.now_ms, tags, policy: None };
        let shown = consumer.shown(&arn);
        self.change(named, move |stream, _| {
            if stream.consumers.iter().any(|known| known.name == consumer.name) {
                let why = format!(
                    "Consumer {} under stream {arn} already exists for account {account_id}.",
                    consumer.name
                );
                return Err(in_use(why).into());
            }
            if stream.consumers.len() >= limits::CONSUMERS_MAX {
                let why = format!("A stream can have up to {} consumers.", limits::CONSUMERS_MAX);
                return Err(limit_exceeded(why).into());
            }
            stream.consumers.push(consumer);
            Ok(())
        })
        .await?;
        Ok(types::RegisterStreamConsumerOutput { consumer: Some(shown) })
    }

    pub(super) async fn deregister_stream_consumer(
        &self,
        context: &ServiceContext,
        input: types::DeregisterStreamConsumerInput,
    ) -> Handled<()> {
        let which = Which::of(context, (input.stream_arn, input.consumer_name, input.consumer_arn))?;
        self.change(which.named.clone(), move |stream, _| {
            let place = which.place(stream)?;
            stream.consumers.remove(place);
            Ok(())
        })
        .await
    }

    pub(super) async fn describe_stream_consumer(
        &self,
        context: &ServiceContext,
        input: types::DescribeStreamConsumerInput,
    ) -> Handled<types::DescribeStreamConsumerOutput> {
        let which = Which::of(context, (input.stream_arn, input.consumer_name, input.consumer_arn))?;
        let missing = |_| which.missing();
        let stream = match which.arn {
            // Of a stream that is not there, the consumer is not.
            Some(_) => self.read(which.named.clone()).await.map_err(missing)?,
            None => self.read(which.named.clone()).await?,
        };
        let arn = which.named.arn.clone();
        let found = stream.consumers.get(which.place(&stream)?).map(|consumer| consumer.shown(&arn));
        let shown = found.ok_or_else(|| which.missing())?;
        Ok(types::DescribeStreamConsumerOutput {
            consumer_description: Some(types::ConsumerDescription {
                consumer_name: shown.consumer_name,
                consumer_arn: shown.consumer_arn,
                consumer_status: shown.consumer_status,
                consumer_creation_timestamp: shown.consumer_creation_timestamp,
                stream_arn: Some(arn),
            }),
        })
    }

    pub(super) async fn list_stream_consumers(
        &self,
        context: &ServiceContext,
        input: types::ListStreamConsumersInput,
    ) -> Handled<types::ListStreamConsumersOutput> {
        let named = Named::of(context, None, input.stream_arn)?;
        let arn = named.arn.clone();
        let stream = self.read(named).await?;
        let mut all: Vec<_> =
            stream.consumers.iter().map(|consumer| (consumer.name.clone(), consumer.shown(&arn))).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let limit = input.max_results.unwrap_or(limits::PAGE);
        let (consumers, next_token) = paging::page(all, limit, input.next_token.as_deref())
            .map_err(|_| invalid_argument("NextToken is not valid."))?;
        Ok(types::ListStreamConsumersOutput { consumers: Some(consumers), next_token })
    }
}
