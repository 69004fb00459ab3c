//! What a queue's attributes say: their checks, their defaults, and their meaning.

use std::collections::BTreeMap;

use aws_api::error_response::ApiError;
use serde::Deserialize;
use serde_json::Value;

use super::{
    error::{invalid_attribute, invalid_value, unknown_attribute, unsupported},
    queue::QueueKey,
};

/// What a queue does, in the units of its attributes.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub delay_seconds: i64,
    pub message_bytes_max: usize,
    pub retention_seconds: i64,
    pub wait_seconds: i64,
    pub visibility_seconds: i64,
    pub redrive: Option<Redrive>,
    pub redrive_allow: RedriveAllow,
    pub is_fifo: bool,
    /// Whether a message without a deduplication id has the hash of its body for one.
    pub has_content_deduplication: bool,
    /// Whether duplicates are looked for within a group only.
    pub is_deduplicated_by_group: bool,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    pub target: QueueKey,
    pub receives_max: u32,
}

/// Which queues may have this one for their dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum RedriveAllow {
    #[default]
    All,
    None,
    Queues(Vec<String>),
}

/// Attributes that are whole numbers, with their range and what they are unless they are set.
const NUMBERS: &[(&str, i64, i64, i64)] = &[
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1_024, 1_048_576, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
];

/// Attributes of FIFO queues, with their values; the first is the default.
const FIFO_WORDS: &[(&str, &[&str])] = &[
    ("ContentBasedDeduplication", &["false", "true"]),
    ("DeduplicationScope", &["queue", "messageGroup"]),
    ("FifoThroughputLimit", &["perQueue", "perMessageGroupId"]),
];

/// Attributes with checks of their own, and those that are read and never set.
const OTHERS: &[&str] = &[
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "Policy",
    "QueueArn",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

/// How much of a policy is kept, bytes (SQS quotas: 8,192).
const POLICY_BYTES_MAX: usize = 8_192;
/// Sources that an allow policy names at most.
const SOURCES_MAX: usize = 10;
/// Receives that a redrive policy counts to at most.
const RECEIVES_MAX: u32 = 1_000;

impl Settings {
    /// Of attributes that were checked.
    pub(super) fn of(attributes: &BTreeMap<String, String>, is_fifo: bool) -> Self {
        let number = |name: &str| {
            let default = NUMBERS.iter().find(|(known, ..)| *known == name).map_or(0, |known| known.3);
            attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        let is = |name: &str, word: &str| attributes.get(name).is_some_and(|value| value == word);
        Self {
            delay_seconds: number("DelaySeconds"),
            message_bytes_max: usize::try_from(number("MaximumMessageSize")).unwrap_or(0),
            retention_seconds: number("MessageRetentionPeriod"),
            wait_seconds: number("ReceiveMessageWaitTimeSeconds"),
            visibility_seconds: number("VisibilityTimeout"),
            redrive: attributes.get("RedrivePolicy").and_then(|text| redrive(text).ok().flatten()),
            redrive_allow: attributes
                .get("RedriveAllowPolicy")
                .and_then(|text| redrive_allow(text).ok())
                .unwrap_or_default(),
            is_fifo,
            has_content_deduplication: is("ContentBasedDeduplication", "true"),
            is_deduplicated_by_group: is("DeduplicationScope", "messageGroup"),
        }
    }

    /// Whether a queue may have this one for its dead-letter queue.
    pub(super) fn takes_dead_letters_of(&self, source: &QueueKey) -> bool {
        match &self.redrive_allow {
            RedriveAllow::All => true,
            RedriveAllow::None => false,
            RedriveAllow::Queues(arns) => arns.contains(&source.arn()),
        }
    }
}

/// Whether queues have this attribute.
pub(super) fn is_known(name: &str) -> bool {
    NUMBERS.iter().any(|known| known.0 == name)
        || FIFO_WORDS.iter().any(|known| known.0 == name)
        || OTHERS.contains(&name)
}

/// Checks the names of attributes that are to be read.
pub(super) fn check_names(names: &[String]) -> Result<(), ApiError> {
    match names.iter().find(|name| !is_known(name)) {
        Some(name) => Err(unknown_attribute(name)),
        None => Ok(()),
    }
}

/// Checks attributes that are to be set, each by itself; an empty one takes away what was set.
pub(super) fn check_each(attributes: &BTreeMap<String, String>, is_fifo: bool) -> Result<(), ApiError> {
    attributes.iter().try_for_each(|(name, value)| check_one(name, value, is_fifo))
}

/// Checks all attributes of a queue.
pub(super) fn check(attributes: &BTreeMap<String, String>, is_fifo: bool) -> Result<(), ApiError> {
    check_each(attributes, is_fifo)?;
    let is = |name: &str, word: &str| attributes.get(name).is_some_and(|value| value == word);
    if is("FifoThroughputLimit", "perMessageGroupId") && !is("DeduplicationScope", "messageGroup") {
        return Err(invalid_value(
            "When the FifoThroughputLimit attribute is set to perMessageGroupId, the DeduplicationScope attribute must be set to messageGroup.",
        ));
    }
    Ok(())
}

fn check_one(name: &str, value: &str, is_fifo: bool) -> Result<(), ApiError> {
    if let Some((_, least, most, _)) = NUMBERS.iter().find(|(known, ..)| *known == name) {
        let number = value.parse::<i64>().ok().filter(|number| (least..=most).contains(&number));
        return number.map(drop).ok_or_else(|| invalid_attribute(name));
    }
    if let Some((_, words)) = FIFO_WORDS.iter().find(|(known, _)| *known == name) {
        return match (is_fifo, words.contains(&value)) {
            (false, _) => Err(unknown_attribute(name)),
            (true, false) => Err(invalid_attribute(name)),
            (true, true) => Ok(()),
        };
    }
    match name {
        "FifoQueue" if is_fifo && value == "true" => Ok(()),
        "FifoQueue" if is_fifo => Err(invalid_attribute(name)),
        "FifoQueue" => Err(unknown_attribute(name)),
        "Policy" => check_policy(value),
        "RedrivePolicy" => redrive(value).map(drop),
        "RedriveAllowPolicy" => redrive_allow(value).map(drop),
        "SqsManagedSseEnabled" if matches!(value, "true" | "false") => Ok(()),
        "KmsDataKeyReusePeriodSeconds" => {
            let seconds = value.parse::<u32>().ok().filter(|seconds| (60..=86_400).contains(seconds));
            seconds.map(drop).ok_or_else(|| invalid_attribute(name))
        }
        "KmsMasterKeyId" if value.is_empty() => Ok(()),
        "KmsMasterKeyId" => Err(unsupported("Keys of KMS are not implemented by this server.")),
        "SqsManagedSseEnabled" => Err(invalid_attribute(name)),
        _ => Err(unknown_attribute(name)),
    }
}

fn check_policy(text: &str) -> Result<(), ApiError> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(invalid_attribute("Policy"));
    }
    let is_object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    match text.is_empty() || is_object(text) {
        true => Ok(()),
        false => Err(invalid_attribute("Policy")),
    }
}

/// A number that clients write as one or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedriveText {
    dead_letter_target_arn: Option<String>,
    max_receive_count: Option<Count>,
}

fn redrive(text: &str) -> Result<Option<Redrive>, ApiError> {
    let wrong = |reason: &str| {
        invalid_value(format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"))
    };
    if text.is_empty() {
        return Ok(None);
    }
    let read: RedriveText =
        serde_json::from_str(text).map_err(|_| wrong("Redrive policy is not a valid JSON map."))?;
    let arn = read
        .dead_letter_target_arn
        .ok_or_else(|| wrong("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
    let count = read
        .max_receive_count
        .ok_or_else(|| wrong("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
    let count = match count {
        Count::Number(count) => Some(count),
        Count::Text(text) => text.parse().ok(),
    };
    let receives_max = count
        .filter(|count| (1..=RECEIVES_MAX).contains(count))
        .ok_or_else(|| wrong("Invalid value for maxReceiveCount."))?;
    let target = QueueKey::of_arn(&arn).ok_or_else(|| wrong("Invalid value for deadLetterTargetArn."))?;
    Ok(Some(Redrive { target, receives_max }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedriveAllowText {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

fn redrive_allow(text: &str) -> Result<RedriveAllow, ApiError> {
    if text.is_empty() {
        return Ok(RedriveAllow::All);
    }
    let wrong = |reason: &str| {
        invalid_value(format!("Value {text} for parameter RedriveAllowPolicy is invalid. Reason: {reason}"))
    };
    let read: RedriveAllowText = serde_json::from_str(text).map_err(|_| {
        wrong("Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
    })?;
    let sources = read.source_queue_arns;
    match read.redrive_permission.as_str() {
        "allowAll" if sources.is_empty() => Ok(RedriveAllow::All),
        "denyAll" if sources.is_empty() => Ok(RedriveAllow::None),
        "allowAll" | "denyAll" => {
            Err(wrong("sourceQueueArns can be given with the redrivePermission byQueue only."))
        }
        "byQueue" if (1..=SOURCES_MAX).contains(&sources.len()) => Ok(RedriveAllow::Queues(sources)),
        "byQueue" => Err(wrong("sourceQueueArns must name one to ten queues.")),
        _ => Err(wrong("redrivePermission must be allowAll, denyAll or byQueue.")),
    }
}

/// What is shown of attributes, and of those that were never set.
pub(super) fn shown(attributes: &BTreeMap<String, String>, is_fifo: bool) -> BTreeMap<String, String> {
    let numbers = NUMBERS.iter().map(|(name, _, _, default)| ((*name).to_owned(), default.to_string()));
    let mut shown: BTreeMap<String, String> = numbers.collect();
    shown.insert("SqsManagedSseEnabled".into(), "true".into());
    if is_fifo {
        shown.insert("FifoQueue".into(), "true".into());
        shown.extend(FIFO_WORDS.iter().map(|(name, words)| ((*name).to_owned(), words[0].to_owned())));
    }
    let set = attributes.iter().filter(|(_, value)| !value.is_empty());
    shown.extend(set.map(|(name, value)| (name.clone(), value.clone())));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> BTreeMap<String, String> {
        [(name.to_owned(), value.to_owned())].into()
    }

    #[test]
    fn values_have_their_range_and_their_kind_of_queue() {
        for (name, value, is_fifo, right) in [
            ("DelaySeconds", "900", false, true),
            ("DelaySeconds", "901", false, false),
            ("DelaySeconds", "soon", false, false),
            ("MaximumMessageSize", "1048576", false, true),
            ("MaximumMessageSize", "1023", false, false),
            ("FifoQueue", "true", true, true),
            ("FifoQueue", "false", true, false),
            ("FifoQueue", "true", false, false),
            ("DeduplicationScope", "messageGroup", true, true),
            ("DeduplicationScope", "messageGroup", false, false),
            ("Policy", "{}", false, true),
            ("Policy", "[]", false, false),
            ("KmsMasterKeyId", "alias/aws/sqs", false, false),
            ("QueueArn", "a", false, false),
            ("Colour", "red", false, false),
        ] {
            assert_eq!(check(&one(name, value), is_fifo).is_ok(), right, "{name}={value}");
        }
    }

    #[test]
    fn a_redrive_policy_takes_numbers_in_both_forms() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:dlq";
        for count in ["3", "\"3\""] {
            let text = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":{count}}}");
            let settings = Settings::of(&one("RedrivePolicy", &text), false);
            assert_eq!(settings.redrive.map(|redrive| redrive.receives_max), Some(3));
        }
        for text in ["{", "{}", "{\"deadLetterTargetArn\":\"a\",\"maxReceiveCount\":1}"] {
            assert!(check(&one("RedrivePolicy", text), false).is_err(), "{text}");
        }
        let none = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":1001}}");
        assert!(check(&one("RedrivePolicy", &none), false).is_err());
    }

    #[test]
    fn a_dead_letter_queue_chooses_its_sources() {
        let source = QueueKey::of_arn("arn:aws:sqs:us-east-1:000000000000:s").unwrap();
        let allows = |text: &str| {
            check(&one("RedriveAllowPolicy", text), false).unwrap();
            Settings::of(&one("RedriveAllowPolicy", text), false).takes_dead_letters_of(&source)
        };
        assert!(allows("{\"redrivePermission\":\"allowAll\"}"));
        assert!(!allows("{\"redrivePermission\":\"denyAll\"}"));
        let by_queue =
            |arn: &str| format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{arn}\"]}}");
        assert!(allows(&by_queue(&source.arn())));
        assert!(!allows(&by_queue("arn:aws:sqs:us-east-1:000000000000:t")));
    }
}
