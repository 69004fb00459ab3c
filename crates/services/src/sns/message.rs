//! A message that is published: its checks, and the forms in which subscribers get it.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sns::types};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Handled,
    error::invalid,
    registry::Topic,
    signing::{Signer, Unsigned},
    topic::{Subscriber, TopicKey},
};
use crate::sqs::outgoing::Outgoing;

/// Bytes of a message with its attributes at most, unless the topic says less or more (API reference, Publish).
const BYTES_MAX: usize = 262_144;
/// Characters of a subject at most.
const SUBJECT_MAX: usize = 100;

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attribute {
    pub data_type: String,
    pub text: Option<String>,
    pub bytes: Option<Vec<u8>>,
}

/// A message that may be published.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub message_id: String,
    /// Unix time, milliseconds.
    pub published_ms: i64,
    pub subject: Option<String>,
    /// The same for every protocol, or one for each (`default` is there).
    pub body: Body,
    pub attributes: BTreeMap<String, Attribute>,
    pub group: Option<String>,
    /// Of a message of a FIFO topic, always.
    pub deduplication_id: Option<String>,
    /// `X-Amzn-Trace-Id` of who published it.
    pub trace_header: Option<String>,
}

/// What is said, to whom.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Same(String),
    ByProtocol(BTreeMap<String, String>),
}

impl Body {
    /// For subscribers of a protocol.
    pub(super) fn of(&self, protocol: &str) -> &str {
        match self {
            Self::Same(text) => text,
            Self::ByProtocol(texts) => {
                texts.get(protocol).or_else(|| texts.get("default")).map(String::as_str).unwrap_or_default()
            }
        }
    }
}

impl Message {
    /// From what a client asks for, unless the topic does not take it.
    pub(super) fn checked(
        entry: types::PublishBatchRequestEntry,
        (key, topic): (&TopicKey, &Topic),
        (now_ms, trace_header): (i64, Option<String>),
    ) -> Handled<Self> {
        let text = entry.message.unwrap_or_default();
        if text.is_empty() {
            return Err(invalid("Empty message"));
        }
        let attributes = attributes(entry.message_attributes.unwrap_or_default())?;
        if text.len() + bytes_of(&attributes) > bytes_max(topic) {
            return Err(invalid("Message too long"));
        }
        let content_hash = || aws_api::hex::encode(&Sha256::digest(&text));
        let deduplication_id =
            entry.message_deduplication_id.clone().or_else(|| key.is_fifo().then(content_hash));
        let subject = entry.subject.map(checked_subject).transpose()?;
        let deduplicates_content = topic
            .record
            .as_ref()
            .and_then(|record| record.attributes.get("ContentBasedDeduplication"))
            .is_some_and(|value| value == "true");
        check_ids(key, &entry.message_group_id, &entry.message_deduplication_id, deduplicates_content)?;
        Ok(Self {
            message_id: uuid::Uuid::new_v4().to_string(),
            published_ms: now_ms,
            subject,
            body: body(text, entry.message_structure.as_deref())?,
            attributes,
            group: entry.message_group_id,
            deduplication_id,
            trace_header,
        })
    }

    /// For a queue: as it is where the subscription wants that, or in its envelope.
    pub(super) fn for_queue(&self, subscriber: Subscriber<'_>, signer: &Signer) -> Outgoing {
        let mut outgoing = match subscriber.record.is_raw() {
            true => Outgoing::text(self.body.of("sqs").to_owned()).with_attributes(&self.attributes),
            false => Outgoing::text(self.envelope(subscriber, signer).to_string()),
        };
        outgoing.set_group(self.group.clone(), self.deduplication_id.clone());
        outgoing.traced(self.trace_header.clone())
    }

    /// What a function gets.
    pub(super) fn for_function(&self, subscriber: Subscriber<'_>, signer: &Signer) -> Vec<u8> {
        let mut envelope = self.envelope(subscriber, signer);
        // As Lambda has always spelt it, and whether there is a subject or not.
        if let Some(members) = envelope.as_object_mut() {
            members.entry("Subject").or_insert(Value::Null);
            members.entry("MessageAttributes").or_insert_with(|| json!({}));
            for (name, of_lambda) in
                [("UnsubscribeURL", "UnsubscribeUrl"), ("SigningCertURL", "SigningCertUrl")]
            {
                if let Some(url) = members.remove(name) {
                    members.insert(of_lambda.into(), url);
                }
            }
        }
        let record = json!({
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscriber.arn(),
            "Sns": envelope,
        });
        serde_json::to_vec(&json!({"Records": [record]})).unwrap_or_default()
    }

    /// The notification with all that is known of it, signed.
    pub(super) fn envelope(
        &self,
        Subscriber { topic, uuid, record }: Subscriber<'_>,
        signer: &Signer,
    ) -> Value {
        let mut envelope = signer.signed(&Unsigned {
            kind: "Notification",
            message_id: &self.message_id,
            topic_arn: &topic.arn(),
            message: self.body.of(&record.protocol),
            subject: self.subject.as_deref(),
            made_ms: self.published_ms,
            confirmation: None,
        });
        envelope["UnsubscribeURL"] = signer.links.unsubscribe(topic, uuid).into();
        if !self.attributes.is_empty() {
            envelope["MessageAttributes"] = shown(&self.attributes).into();
        }
        envelope
    }
}

impl Outgoing {
    /// With the attributes of a message of a topic.
    pub(super) fn with_attributes(self, attributes: &BTreeMap<String, Attribute>) -> Self {
        attributes.iter().fold(self, |message, (name, attribute)| match &attribute.bytes {
            Some(bytes) => message.with_attribute(name, &attribute.data_type, &BASE64_STANDARD.encode(bytes)),
            None => message.with_attribute(
                name,
                &attribute.data_type,
                attribute.text.as_deref().unwrap_or_default(),
            ),
        })
    }
}

fn shown(attributes: &BTreeMap<String, Attribute>) -> Map<String, Value> {
    let one = |(name, attribute): (&String, &Attribute)| {
        let value = match &attribute.bytes {
            Some(bytes) => BASE64_STANDARD.encode(bytes),
            None => attribute.text.clone().unwrap_or_default(),
        };
        (name.clone(), json!({"Type": attribute.data_type, "Value": value}))
    };
    attributes.iter().map(one).collect()
}

fn bytes_max(topic: &Topic) -> usize {
    let said = topic.record.as_ref().and_then(|record| record.attributes.get("MaximumMessageSize"));
    said.and_then(|text| text.parse().ok()).unwrap_or(BYTES_MAX)
}

fn bytes_of(attributes: &BTreeMap<String, Attribute>) -> usize {
    let size = |(name, attribute): (&String, &Attribute)| {
        let value = attribute.bytes.as_ref().map(Vec::len).or(attribute.text.as_ref().map(String::len));
        name.len() + attribute.data_type.len() + value.unwrap_or(0)
    };
    attributes.iter().map(size).sum()
}

fn checked_subject(subject: String) -> Handled<String> {
    let is_right = (1..=SUBJECT_MAX).contains(&subject.chars().count())
        && !subject.chars().any(char::is_control)
        && !subject.starts_with(char::is_whitespace);
    if is_right { Ok(subject) } else { Err(invalid("Subject")) }
}

/// With `MessageStructure=json` the text is an object with a text for each protocol.
fn body(text: String, structure: Option<&str>) -> Handled<Body> {
    match structure {
        None | Some("") => Ok(Body::Same(text)),
        Some("json") => {
            let parsed: BTreeMap<String, Value> = serde_json::from_str(&text)
                .map_err(|_| invalid("Message Structure - JSON message body failed to parse"))?;
            let texts: BTreeMap<String, String> = parsed
                .into_iter()
                .filter_map(|(protocol, text)| Some((protocol, text.as_str()?.to_owned())))
                .collect();
            match texts.contains_key("default") {
                true => Ok(Body::ByProtocol(texts)),
                false => Err(invalid("Message Structure - No default entry in JSON message body")),
            }
        }
        Some(_) => Err(invalid("MessageStructure")),
    }
}

fn check_ids(
    key: &TopicKey,
    group: &Option<String>,
    deduplication_id: &Option<String>,
    deduplicates_content: bool,
) -> Handled<()> {
    if !key.is_fifo() {
        return match deduplication_id {
            Some(_) => Err(invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            )),
            None => Ok(()),
        };
    }
    if group.is_none() {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    }
    if deduplication_id.is_none() && !deduplicates_content {
        return Err(invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    Ok(())
}

fn attributes(
    given: BTreeMap<String, types::MessageAttributeValue>,
) -> Result<BTreeMap<String, Attribute>, ApiError> {
    given.into_iter().map(|(name, value)| attribute(&name, value).map(|value| (name, value))).collect()
}

fn attribute(name: &str, given: types::MessageAttributeValue) -> Handled<Attribute> {
    let is_named = (1..=256).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !is_named {
        return Err(invalid(format!("Message attribute name '{name}' is invalid")));
    }
    let data_type = given.data_type.unwrap_or_default();
    let kind = data_type.split('.').next().unwrap_or_default();
    let bytes = given.binary_value.map(|bytes| bytes.into_bytes().to_vec());
    let attribute = Attribute { data_type: data_type.clone(), text: given.string_value, bytes };
    let is_there = match kind {
        "Binary" => attribute.bytes.as_ref().is_some_and(|bytes| !bytes.is_empty()),
        "String" | "Number" => attribute.text.as_ref().is_some_and(|text| !text.is_empty()),
        _ => {
            return Err(invalid(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
    };
    if !is_there {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
        )));
    }
    if kind == "Number" && attribute.text.as_deref().is_some_and(|text| text.parse::<f64>().is_err()) {
        return Err(invalid(format!("Could not cast message attribute '{name}' value to number.")));
    }
    Ok(attribute)
}
