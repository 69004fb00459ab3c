//! A message: what is kept of it, what became of it, and AWS's checksums.

use std::{collections::BTreeMap, str::FromStr};

use aws_api::generated::sqs::types;
use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// What is kept of a message beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub message_id: String,
    /// Unix time, milliseconds.
    pub sent_ms: i64,
    /// The id of who sent it.
    pub sender_id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<String>,
    /// Of a message in a dead-letter queue: the ARN of the queue that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_source: Option<String>,
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attribute {
    /// `String`, `Number` or `Binary`, and perhaps a dot and more.
    pub data_type: String,
    /// Text; base64 of a binary one.
    pub value: String,
}

impl Attribute {
    pub(super) fn is_binary(&self) -> bool {
        self.data_type.starts_with("Binary")
    }

    /// The bytes of its value.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.is_binary() {
            true => BASE64_STANDARD.decode(&self.value).unwrap_or_default(),
            false => self.value.clone().into_bytes(),
        }
    }

    pub(super) fn shown(&self) -> types::MessageAttributeValue {
        let binary = self.is_binary().then(|| bytes::Bytes::from(self.bytes()).into());
        types::MessageAttributeValue {
            string_value: (!self.is_binary()).then(|| self.value.clone()),
            binary_value: binary,
            data_type: Some(self.data_type.clone()),
            ..Default::default()
        }
    }
}

/// What became of a message so far. As text: numbers, then the group, which has no space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// How often it was received.
    pub receives: u32,
    /// When it was sent, or moved to this queue where that begins its time anew. Unix time, milliseconds, like all of these.
    pub sent_ms: i64,
    /// When it was first received; 0 before.
    pub first_received_ms: i64,
    /// When it was last received; 0 before.
    pub last_received_ms: i64,
    /// From when on it is visible.
    pub visible_ms: i64,
    /// Its group; empty where it has none.
    pub group: String,
}

impl std::fmt::Display for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { receives, sent_ms, first_received_ms, last_received_ms, visible_ms, group } = self;
        write!(formatter, "{receives} {sent_ms} {first_received_ms} {last_received_ms} {visible_ms} {group}")
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(6, ' ');
        let receives = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or(());
        let (sent_ms, first_received_ms) = (number()?, number()?);
        let (last_received_ms, visible_ms) = (number()?, number()?);
        let group = parts.next().unwrap_or_default().to_owned();
        Ok(Self { receives, sent_ms, first_received_ms, last_received_ms, visible_ms, group })
    }
}

impl State {
    /// Whether somebody has it now.
    pub(super) fn is_in_flight(&self, now_ms: i64) -> bool {
        self.receives > 0 && self.visible_ms > now_ms
    }

    /// Whether the queue has kept it for long enough.
    pub(super) fn is_expired(&self, retention_seconds: i64, now_ms: i64) -> bool {
        now_ms - self.sent_ms > retention_seconds.saturating_mul(1_000)
    }
}

/// The MD5 of a body, in hex.
pub(super) fn md5_of(bytes: &[u8]) -> String {
    aws_api::hex::encode(&Md5::digest(bytes))
}

/// The MD5 of message attributes, in hex (SQS developer guide, "Calculating the MD5 message digest for message attributes"): in the order
/// of their names, each name, type and value with its length before it, and a byte before the value that says text or bytes.
pub(super) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    const TEXT: u8 = 1;
    const BYTES: u8 = 2;
    let (mut hash, mut has_any) = (Md5::new(), false);
    let put = |hash: &mut Md5, part: &[u8]| {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    };
    for (name, attribute) in attributes {
        has_any = true;
        put(&mut hash, name.as_bytes());
        put(&mut hash, attribute.data_type.as_bytes());
        hash.update([if attribute.is_binary() { BYTES } else { TEXT }]);
        put(&mut hash, &attribute.bytes());
    }
    has_any.then(|| aws_api::hex::encode(&hash.finalize()))
}

/// The number that a FIFO queue gives a message: twenty digits that grow, as AWS's do.
pub(crate) fn sequence_number(id: i64) -> String {
    /// Where AWS's own began.
    const FIRST: u128 = 18_849_496_460_467_696_128;
    const STEP: u128 = 256;
    (FIRST + u128::try_from(id).unwrap_or(0) * STEP).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let state = State {
            receives: 2,
            sent_ms: 3,
            first_received_ms: 4,
            last_received_ms: 5,
            visible_ms: 6,
            group: "g-1".into(),
        };
        assert_eq!(state.to_string().parse(), Ok(state.clone()));
        let without = State { group: String::new(), ..state };
        assert_eq!(without.to_string().parse(), Ok(without));
        assert_eq!("1 2 x".parse::<State>(), Err(()));
    }

    #[test]
    fn checksums_are_awss() {
        assert_eq!(md5_of(b"This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
        let attribute = Attribute { data_type: "Number".into(), value: "1493147359900".into() };
        let one: BTreeMap<String, Attribute> = [("timestamp".to_owned(), attribute)].into();
        assert_eq!(md5_of_attributes(&one).as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn sequence_numbers_have_twenty_digits_and_grow() {
        let numbers = [1, 2, 1_000_000].map(sequence_number);
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 20));
    }
}
