//! What is to be sent: the checks of a message, whoever sends it.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sqs::types};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    error::{invalid, invalid_value, missing},
    message::Attribute,
    settings::Settings,
};

/// A message that may be sent to its queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    pub(super) body: String,
    pub(super) attributes: BTreeMap<String, Attribute>,
    pub(super) trace_header: Option<String>,
    pub(super) group: Option<String>,
    pub(super) deduplication_id: Option<String>,
    /// `None`: what the queue says.
    pub(super) delay_seconds: Option<i64>,
}

/// Attributes of a message at most (SQS quotas).
const ATTRIBUTES_MAX: usize = 10;
/// Characters of the name of an attribute, of a group and of a deduplication id at most (SQS quotas).
const NAME_MAX: usize = 256;
const ID_MAX: usize = 128;
const DELAY_SECONDS_MAX: i64 = 900;

impl Outgoing {
    /// From what a client asks for, unless the queue does not take it.
    pub(super) fn checked(
        entry: types::SendMessageBatchRequestEntry,
        settings: &Settings,
    ) -> Result<Self, ApiError> {
        let system = attributes(entry.message_system_attributes.unwrap_or_default())?;
        let outgoing = Self {
            body: entry.message_body.unwrap_or_default(),
            attributes: attributes(entry.message_attributes.unwrap_or_default())?,
            trace_header: trace_header(system)?,
            group: entry.message_group_id,
            deduplication_id: entry.message_deduplication_id,
            delay_seconds: entry.delay_seconds,
        };
        outgoing.check(settings)?;
        Ok(outgoing)
    }

    /// A text without attributes.
    pub(crate) fn text(body: String) -> Self {
        Self { body, ..Self::default() }
    }

    /// With an attribute that is no `Binary` one.
    #[must_use]
    pub(crate) fn with_attribute(mut self, name: &str, data_type: &str, value: &str) -> Self {
        let attribute = Attribute { data_type: data_type.to_owned(), value: value.to_owned() };
        self.attributes.insert(name.to_owned(), attribute);
        self
    }

    /// With a trace header, unless it has one.
    #[must_use]
    pub(crate) fn traced(mut self, trace_header: Option<String>) -> Self {
        self.trace_header = self.trace_header.or(trace_header);
        self
    }

    /// In a group, and known again by an id.
    pub(crate) fn set_group(&mut self, group: Option<String>, deduplication_id: Option<String>) {
        (self.group, self.deduplication_id) = (group, deduplication_id);
    }

    /// Body and attributes, bytes: what SQS counts.
    pub(super) fn bytes(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, attribute)| name.len() + attribute.data_type.len() + attribute.bytes().len());
        self.body.len() + attributes.sum::<usize>()
    }

    pub(super) fn check(&self, settings: &Settings) -> Result<(), ApiError> {
        if self.body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if !self.body.chars().all(is_allowed) {
            return Err(ApiError::user(
                "InvalidMessageContents",
                400,
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            ));
        }
        if self.bytes() > settings.message_bytes_max {
            let max = settings.message_bytes_max;
            return Err(invalid_value(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
            )));
        }
        self.check_delay(settings)?;
        self.check_ids(settings)
    }

    fn check_delay(&self, settings: &Settings) -> Result<(), ApiError> {
        match self.delay_seconds {
            Some(seconds) if !(0..=DELAY_SECONDS_MAX).contains(&seconds) => {
                Err(invalid("DelaySeconds", seconds, "DelaySeconds must be >= 0 and <= 900."))
            }
            Some(seconds) if settings.is_fifo && seconds != 0 => Err(invalid(
                "DelaySeconds",
                seconds,
                "The request include parameter that is not valid for this queue type.",
            )),
            _ => Ok(()),
        }
    }

    fn check_ids(&self, settings: &Settings) -> Result<(), ApiError> {
        let ids = [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication_id)];
        for (name, id) in ids {
            if let Some(id) = id.as_ref().filter(|id| !is_id(id)) {
                return Err(invalid(
                    name,
                    id,
                    &format!(
                        "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
                    ),
                ));
            }
        }
        if !settings.is_fifo {
            return match &self.deduplication_id {
                Some(id) => Err(invalid(
                    "MessageDeduplicationId",
                    id,
                    "The request includes a parameter that is not valid for this queue type.",
                )),
                None => Ok(()),
            };
        }
        check_fifo(settings, self.group.as_ref(), self.deduplication_id.as_ref())
    }
}

/// What a message of a FIFO queue must have. Of a batch, each of them, or none is sent (recorded from AWS).
pub(super) fn check_fifo(
    settings: &Settings,
    group: Option<&String>,
    deduplication_id: Option<&String>,
) -> Result<(), ApiError> {
    if !settings.is_fifo {
        return Ok(());
    }
    if group.is_none() {
        return Err(missing("MessageGroupId"));
    }
    match deduplication_id.is_some() || settings.has_content_deduplication {
        true => Ok(()),
        false => Err(invalid_value(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        )),
    }
}

/// Characters that XML 1.0 knows.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn is_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The only system attribute that may be sent.
fn trace_header(mut system: BTreeMap<String, Attribute>) -> Result<Option<String>, ApiError> {
    let header = system.remove("AWSTraceHeader");
    if let Some(name) = system.keys().next() {
        return Err(invalid_value(format!(
            "Message system attribute name '{name}' is invalid. Valid values: AWSTraceHeader."
        )));
    }
    match header {
        Some(attribute) if attribute.data_type == "String" => Ok(Some(attribute.value)),
        Some(_) => {
            Err(invalid_value("The message system attribute 'AWSTraceHeader' must be of the type String."))
        }
        None => Ok(None),
    }
}

/// Attributes of both kinds have the same members.
trait Given {
    fn parts(self) -> (Option<String>, Option<String>, Option<bytes::Bytes>);
}

impl Given for types::MessageAttributeValue {
    fn parts(self) -> (Option<String>, Option<String>, Option<bytes::Bytes>) {
        (self.data_type, self.string_value, self.binary_value.map(aws_api::blob::Blob::into_bytes))
    }
}

impl Given for types::MessageSystemAttributeValue {
    fn parts(self) -> (Option<String>, Option<String>, Option<bytes::Bytes>) {
        (self.data_type, self.string_value, self.binary_value.map(aws_api::blob::Blob::into_bytes))
    }
}

fn attributes<G: Given>(given: BTreeMap<String, G>) -> Result<BTreeMap<String, Attribute>, ApiError> {
    if given.len() > ATTRIBUTES_MAX {
        let number = given.len();
        return Err(invalid_value(format!(
            "Number of message attributes [{number}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )));
    }
    given.into_iter().map(|(name, value)| attribute(&name, value).map(|value| (name, value))).collect()
}

fn attribute(name: &str, given: impl Given) -> Result<Attribute, ApiError> {
    check_name(name)?;
    let (data_type, text, binary) = given.parts();
    let data_type = data_type.unwrap_or_default();
    let kind = data_type.split('.').next().unwrap_or_default();
    if !matches!(kind, "String" | "Number" | "Binary") || data_type.len() > NAME_MAX {
        return Err(invalid_value(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
        )));
    }
    let value = match kind {
        "Binary" => binary.map(|bytes| BASE64_STANDARD.encode(bytes)),
        _ => text,
    };
    let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
        invalid_value(format!(
            "The message (user) attribute '{name}' must contain a non-empty value of type '{data_type}'."
        ))
    })?;
    if kind == "Number" && value.parse::<f64>().is_err() {
        return Err(invalid_value(format!(
            "Can't cast the value of message (user) attribute '{name}' to a number."
        )));
    }
    if kind == "String" && !value.chars().all(is_allowed) {
        return Err(invalid_value(format!(
            "Invalid characters found in the value of message (user) attribute '{name}'."
        )));
    }
    Ok(Attribute { data_type, value })
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let has_dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let is_system = lower == "awstraceheader";
    if (1..=NAME_MAX).contains(&name.len())
        && name.chars().all(is_known)
        && !has_dots
        && (is_system || !is_reserved)
    {
        return Ok(());
    }
    Err(invalid_value(format!(
        "Message (user) attribute name '{name}' is invalid: it can contain alphanumeric characters, underscores, hyphens and single periods, must not start with AWS. or Amazon., and can be up to 256 characters long."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(attributes: &[(&str, &str)], is_fifo: bool) -> Settings {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::of(&attributes.collect(), is_fifo)
    }

    fn entry(body: &str) -> types::SendMessageBatchRequestEntry {
        types::SendMessageBatchRequestEntry { message_body: Some(body.into()), ..Default::default() }
    }

    #[test]
    fn a_message_fits_its_queue() {
        let small = settings(&[("MaximumMessageSize", "1024")], false);
        assert!(Outgoing::checked(entry(&"a".repeat(1_024)), &small).is_ok());
        for body in ["a".repeat(1_025), String::new(), "\u{1}".into(), "\u{fffe}".into()] {
            assert!(Outgoing::checked(entry(&body), &small).is_err(), "{} bytes", body.len());
        }
        let with_attribute = Outgoing::text("a".repeat(1_020)).with_attribute("name", "String", "value");
        assert_eq!(with_attribute.bytes(), 1_020 + 4 + 6 + 5);
        assert!(with_attribute.check(&small).is_err());
    }

    #[test]
    fn groups_and_deduplication_belong_to_fifo_queues() {
        let given = |group: Option<&str>, id: Option<&str>| types::SendMessageBatchRequestEntry {
            message_group_id: group.map(str::to_owned),
            message_deduplication_id: id.map(str::to_owned),
            ..entry("a")
        };
        let (standard, fifo) = (settings(&[], false), settings(&[], true));
        let by_content = settings(&[("ContentBasedDeduplication", "true")], true);
        for (group, id, queue, right) in [
            (Some("g"), None, &standard, true),
            (None, Some("i"), &standard, false),
            (Some("g"), Some("i"), &fifo, true),
            (Some("g"), None, &fifo, false),
            (None, Some("i"), &fifo, false),
            (Some("g"), None, &by_content, true),
            (Some("a b"), None, &by_content, false),
        ] {
            assert_eq!(Outgoing::checked(given(group, id), queue).is_ok(), right, "{group:?} {id:?}");
        }
    }

    #[test]
    fn attributes_have_names_types_and_values() {
        let value = |data_type: &str, text: &str| types::MessageAttributeValue {
            data_type: Some(data_type.into()),
            string_value: Some(text.into()),
            ..Default::default()
        };
        for (name, data_type, text, right) in [
            ("a", "String", "v", true),
            ("a.b-c_d", "String.json", "v", true),
            ("a", "Number", "1e3", true),
            ("a", "Number", "one", false),
            ("a", "String", "", false),
            ("a", "Text", "v", false),
            ("aws.a", "String", "v", false),
            ("a..b", "String", "v", false),
            ("a b", "String", "v", false),
        ] {
            let given = [(name.to_owned(), value(data_type, text))].into();
            assert_eq!(attributes(given).is_ok(), right, "{name} {data_type} {text}");
        }
    }
}
