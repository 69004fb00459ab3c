//! What is to be told of an ended event, and to whom.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::function::FunctionKey;

/// Something that must reach its target, however long that takes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// ARN of the target: a queue, a topic, a function, a bucket, an event bus; or a subscription of a topic.
    pub target: String,
    /// The invocation that it tells of; `None` where it is a message of a topic or an event of a bucket.
    #[serde(flatten)]
    pub origin: Option<DeliveryOrigin>,
    /// UUID of the invocation, or of the message.
    pub request_id: String,
    /// `X-Amzn-Trace-Id`, so that a loop is seen.
    pub trace_id: Option<String>,
    /// Who has it delivered, where the target's policy is asked for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// When it is given up, where that is not as late as a queue gives up a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<Tries>,
    /// The group of the message, where the target is a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What the message is about, where the target is a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The name of the object, where the target is a bucket and the name does not follow from the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_key: Option<String>,
    /// Attributes of the message, where the target has any.
    pub attributes: Vec<MessageAttribute>,
    /// When the event ended, or the message was published: Unix time, milliseconds.
    pub ended_at_ms: i64,
    /// What the target gets.
    #[serde(skip)]
    pub body: Bytes,
}

impl std::fmt::Debug for Delivery {
    /// The body is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("target", &self.target)
            .field("origin", &self.origin)
            .field("request_id", &self.request_id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The invocation that a delivery tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryOrigin {
    /// What it is, for the metrics and for the form that the target gives it.
    pub kind: DeliveryKind,
    /// The function that it comes from.
    pub function: FunctionKey,
    /// The version that ran, or was to run: a qualifier.
    pub resource: String,
}

/// A service that has something delivered on behalf of one of its resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Such as `s3.amazonaws.com`.
    pub service: String,
    /// ARN of the resource: `aws:SourceArn`.
    pub source_arn: String,
    /// Its account: `aws:SourceAccount`.
    pub source_account: String,
}

/// How long something is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Tries after the first.
    pub retries_max: u32,
    /// None later than that: Unix time, milliseconds.
    pub until_ms: i64,
    /// ARN of the queue that gets what is given up.
    pub dead_letter: Option<String>,
    /// What that queue gets, where it is not what the target was to get.
    pub event: Option<String>,
    /// What that queue is told beside what every such queue is.
    #[serde(default)]
    pub about: Vec<MessageAttribute>,
}

/// What a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryKind {
    /// The record of a success.
    OnSuccess,
    /// The record of a failure.
    OnFailure,
    /// The event itself, for a dead-letter queue.
    DeadLetter,
}

/// An attribute of a message of SQS or SNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// Its name.
    pub name: String,
    /// `String` or `Number`.
    pub data_type: String,
    /// Its value.
    pub value: String,
}
