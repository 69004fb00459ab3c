//! What somebody outside is to be told, as it waits in the outbox: all that it takes is in it, so that what becomes of its topic later
//! does not change it.

use std::collections::BTreeMap;

use bytes::Bytes;
use lambda_model::invocation::asynchronous::Delivery;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    message::{Attribute, Message},
    push::EndpointKey,
    signing::{Signer, Unsigned},
    topic::Subscriber,
};
use crate::sqs::outgoing::Outgoing;

/// What a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NoticeKind {
    /// A message that was published.
    Notification,
    /// Who is to be subscribed is asked whether that is right.
    SubscriptionConfirmation,
    /// Who is not subscribed any more is told so.
    UnsubscribeConfirmation,
}

impl NoticeKind {
    /// In AWS's words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// See the module's doc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    pub kind: NoticeKind,
    /// A protocol of SNS: `https`, `email` and so on.
    pub protocol: String,
    /// Where it goes.
    pub endpoint: String,
    pub topic_arn: String,
    pub subscription_arn: String,
    pub message_id: String,
    /// Unix time, milliseconds.
    pub made_ms: i64,
    /// Of a mail.
    pub subject: Option<String>,
    /// What was said, or what is to be said.
    pub text: String,
    /// With all that is known of it, signed; `None` where the text goes alone.
    pub envelope: Option<Value>,
    /// Those of the message, for its dead letter.
    pub attributes: BTreeMap<String, Attribute>,
}

impl Notice {
    /// A message for a subscription.
    pub(super) fn of_message(message: &Message, subscriber: Subscriber<'_>, signer: &Signer) -> Self {
        let record = subscriber.record;
        let platform = EndpointKey::of_arn(&record.endpoint).filter(|_| record.protocol == "application");
        let text = message.body.of(platform.as_ref().map_or(&record.protocol, EndpointKey::platform));
        let wants_envelope = match record.protocol.as_str() {
            "http" | "https" => !record.is_raw(),
            protocol => protocol == "email-json",
        };
        Self {
            kind: NoticeKind::Notification,
            protocol: record.protocol.clone(),
            endpoint: record.endpoint.clone(),
            topic_arn: subscriber.topic.arn(),
            subscription_arn: subscriber.arn(),
            message_id: message.message_id.clone(),
            made_ms: message.published_ms,
            subject: message.subject.clone(),
            text: text.to_owned(),
            envelope: wants_envelope.then(|| message.envelope(subscriber, signer)),
            attributes: message.attributes.clone(),
        }
    }

    /// The question whether somebody wants a subscription, or that it is over, with the token that makes it (again).
    pub(super) fn of_subscription(
        kind: NoticeKind,
        Subscriber { topic, uuid, record }: Subscriber<'_>,
        token: &str,
        (signer, made_ms): (&Signer, i64),
    ) -> Self {
        let arn = topic.subscription_arn(uuid);
        let text = match kind {
            NoticeKind::UnsubscribeConfirmation => format!(
                "You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
            ),
            _ => format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
                topic.arn()
            ),
        };
        let url = signer.links.confirm(topic, token);
        let message_id = uuid::Uuid::new_v4().to_string();
        let unsigned = Unsigned {
            kind: kind.name(),
            message_id: &message_id,
            topic_arn: &topic.arn(),
            message: &text,
            subject: None,
            made_ms,
            confirmation: Some((token, &url)),
        };
        let envelope = signer.signed(&unsigned);
        Self {
            kind,
            protocol: record.protocol.clone(),
            endpoint: record.endpoint.clone(),
            topic_arn: topic.arn(),
            subscription_arn: arn,
            message_id,
            made_ms,
            subject: None,
            text,
            envelope: Some(envelope),
            attributes: BTreeMap::new(),
        }
    }

    /// For the outbox.
    pub(super) fn into_delivery(self, trace_id: Option<String>) -> Delivery {
        Delivery {
            target: self.subscription_arn.clone(),
            origin: None,
            request_id: self.message_id.clone(),
            trace_id,
            sender: None,
            tries: None,
            group: None,
            object_key: None,
            subject: None,
            attributes: Vec::new(),
            ended_at_ms: self.made_ms,
            body: Bytes::from(json!(self).to_string()),
        }
    }

    /// Out of it again.
    pub(super) fn of_delivery(delivery: &Delivery) -> Option<Self> {
        serde_json::from_slice(&delivery.body).ok()
    }

    /// What the dead-letter queue gets.
    pub(super) fn as_dead_letter(&self, trace_header: Option<String>) -> Outgoing {
        let message = Outgoing::text(self.body()).traced(trace_header);
        match self.envelope {
            Some(_) => message,
            None => message.with_attributes(&self.attributes),
        }
    }

    /// What a client over http(s) gets.
    pub(super) fn body(&self) -> String {
        self.envelope.as_ref().map_or_else(|| self.text.clone(), |envelope| format!("{envelope:#}"))
    }
}
