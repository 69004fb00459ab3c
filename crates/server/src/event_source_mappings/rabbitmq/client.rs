//! A queue of RabbitMQ: the file that knows the library.

use futures_util::StreamExt;
use lambda_model::event_source_mapping::broker::{
    AccessKind,
    rabbitmq::{BasicProperties, RabbitMessage, header_of_text},
};
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, Error, ErrorKind,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUserInfo,
};
use serde_json::{Map, Value};

use super::{super::secrets::Secret, RabbitPoller};

/// The virtual host where nobody says.
const VIRTUAL_HOST: &str = "/";

/// A queue that is consumed.
pub(super) struct Queue {
    name: String,
    virtual_host: String,
    connection: Connection,
    channel: Channel,
    consumer: Consumer,
}

/// A message that was delivered.
pub(super) struct Delivered {
    /// Names it on this channel.
    pub tag: u64,
    pub message: RabbitMessage,
}

impl Queue {
    /// Connects, and consumes. What is wrong is said as a last result says it.
    pub(super) async fn open(poller: &RabbitPoller) -> Result<Self, String> {
        let arn = &poller.mapping.event_source_arn;
        let mut uri = poller.parts.rabbits.of(arn).cloned().ok_or_else(|| {
            format!(
                "PROBLEM: The broker {arn} is not known to this server: --mq-broker NAME=amqp://HOST:PORT."
            )
        })?;
        let secret = poller.broker.access_of(AccessKind::BasicAuth).unwrap_or_default();
        let secret = Secret::read(&poller.parts, secret).await?;
        uri.authority.userinfo = AMQPUserInfo {
            username: secret.text("username")?.to_owned(),
            password: secret.text("password")?.to_owned(),
        };
        let virtual_host = poller.broker.access_of(AccessKind::VirtualHost).unwrap_or(VIRTUAL_HOST);
        virtual_host.clone_into(&mut uri.vhost);
        let name = poller.broker.channel.clone();
        let told = |error: Error| told(&error, &name);
        let connection = Connection::connect_uri(uri, ConnectionProperties::default()).await.map_err(told)?;
        let channel = connection.create_channel().await.map_err(told)?;
        let prefetch = u16::try_from(poller.mapping.batch_size).unwrap_or(u16::MAX);
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(told)?;
        let tag = ShortString::from(format!("lambent-{}", poller.uuid));
        let consumer = channel
            .basic_consume(name.clone().into(), tag, BasicConsumeOptions::default(), FieldTable::default())
            .await
            .map_err(told)?;
        Ok(Self { virtual_host: virtual_host.to_owned(), connection, channel, consumer, name })
    }

    pub(super) fn virtual_host(&self) -> &str {
        &self.virtual_host
    }

    /// The next message. May be given up while it waits.
    pub(super) async fn next(&mut self) -> Result<Delivered, String> {
        match self.consumer.next().await {
            Some(Ok(delivery)) => Ok(Delivered {
                tag: delivery.delivery_tag,
                message: RabbitMessage {
                    is_redelivered: delivery.redelivered,
                    properties: properties(&delivery.properties),
                    data: delivery.data.into(),
                },
            }),
            Some(Err(error)) => Err(told(&error, &self.name)),
            None => Err(format!("PROBLEM: The queue {} is not consumed any more.", self.name)),
        }
    }

    /// Acknowledges a message, or all up to it.
    pub(super) async fn done(&self, tag: u64, all: bool) -> Result<(), String> {
        let acknowledged = self.channel.basic_ack(tag, BasicAckOptions { multiple: all }).await;
        acknowledged.map_err(|error| told(&error, &self.name))
    }

    /// Gives all up to a message back, to be delivered again.
    pub(super) async fn give_back(&self, tag: u64) -> Result<(), String> {
        let options = BasicNackOptions { multiple: true, requeue: true };
        self.channel.basic_nack(tag, options).await.map_err(|error| told(&error, &self.name))
    }

    pub(super) async fn close(&self) {
        let _ = self.connection.close(200, "the mapping reads no more".into()).await;
    }
}

/// What a mapping's last result says.
fn told(error: &Error, queue: &str) -> String {
    let kind = match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.kind().clone()),
        _ => None,
    };
    match kind {
        Some(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)) => {
            "PROBLEM: The broker refused the credentials of the event source.".into()
        }
        Some(AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)) => {
            format!("PROBLEM: The queue {queue} was not found.")
        }
        Some(AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)) => {
            "PROBLEM: The broker has no such virtual host, or its user may not use it.".into()
        }
        _ => {
            tracing::debug!(error = %error, "a broker could not be used");
            "PROBLEM: Connection error. Please check your event source connection configuration.".into()
        }
    }
}

fn properties(of: &lapin::BasicProperties) -> BasicProperties {
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    let headers = of.headers().as_ref().map(table).unwrap_or_default();
    BasicProperties {
        texts: vec![
            ("contentType", text(of.content_type())),
            ("contentEncoding", text(of.content_encoding())),
            ("correlationId", text(of.correlation_id())),
            ("replyTo", text(of.reply_to())),
            ("expiration", text(of.expiration())),
            ("messageId", text(of.message_id())),
            ("type", text(of.kind())),
            ("userId", text(of.user_id())),
            ("appId", text(of.app_id())),
            ("clusterId", text(of.cluster_id())),
        ],
        headers,
        delivery_mode: *of.delivery_mode(),
        priority: *of.priority(),
        timestamp_seconds: of.timestamp().and_then(|seconds| i64::try_from(seconds).ok()),
    }
}

fn table(table: &FieldTable) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.to_string(), header(value))).collect()
}

fn header(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => (*value).into(),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Float(number) => f64::from(*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::ShortString(text) => header_of_text(text.as_str().as_bytes()),
        AMQPValue::LongString(text) => header_of_text(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => header_of_text(bytes.as_slice()),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(header).collect(),
        AMQPValue::FieldTable(of) => Value::Object(table(of)),
        AMQPValue::DecimalValue(_) | AMQPValue::Void => Value::Null,
    }
}
