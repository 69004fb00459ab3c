//! What is told: the record of an event (event message structure, S3 user guide), as it waits to be handed over.

use aws_api::timestamp;
use lambda_model::invocation::asynchronous::Sender;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::s3::{BucketRecord, ObjectRecord, S3Transaction};

use crate::s3::{
    context::S3Context,
    error::{Refusal, refuse},
    listing::canonical_id,
    versions,
};

/// What happens to objects here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::s3) enum EventName {
    Put,
    Copy,
    CompleteMultipartUpload,
    Delete,
    DeleteMarkerCreated,
    TaggingPut,
    TaggingDelete,
    AclPut,
}

impl EventName {
    /// As records name it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Put => "ObjectCreated:Put",
            Self::Copy => "ObjectCreated:Copy",
            Self::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
            Self::Delete => "ObjectRemoved:Delete",
            Self::DeleteMarkerCreated => "ObjectRemoved:DeleteMarkerCreated",
            Self::TaggingPut => "ObjectTagging:Put",
            Self::TaggingDelete => "ObjectTagging:Delete",
            Self::AclPut => "ObjectAcl:Put",
        }
    }

    /// Whether it is about what an object holds, and not about what is said of it.
    pub(super) fn is_of_content(self) -> bool {
        !matches!(self, Self::TaggingPut | Self::TaggingDelete | Self::AclPut)
    }

    pub(super) fn is_creation(self) -> bool {
        self.text().starts_with("ObjectCreated:")
    }
}

/// Something that happened, and who is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ObjectEvent {
    /// S3, on behalf of the bucket.
    pub sender: Sender,
    pub message: Message,
    pub told: Vec<Told>,
    /// `X-Amzn-Trace-Id` of the request that did it.
    #[serde(default)]
    pub trace_header: Option<String>,
    /// What the default bus is told, and its ARN.
    #[serde(default)]
    pub bus: Option<(String, Value)>,
}

impl ObjectEvent {
    /// The text for the bus.
    pub(super) fn bus_text(&self, number: i64, event: &Value) -> String {
        let mut event = event.clone();
        if matches!(self.message, Message::Record { has_sequencer: true, .. }) {
            event["detail"]["object"]["sequencer"] = sequencer(number).into();
        }
        event.to_string()
    }
}

/// What is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Message {
    /// A record, which is completed for each target.
    Record {
        record: Value,
        /// Whether it gets its place among the events of its key.
        has_sequencer: bool,
    },
    /// That a target was configured.
    Test(Value),
}

/// Who is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    /// ARN.
    pub target: String,
    /// Because of which configuration.
    pub configuration_id: Option<String>,
}

impl Message {
    /// The text for a target.
    pub(super) fn text(&self, number: i64, told: &Told) -> String {
        match self {
            Self::Test(message) => message.to_string(),
            Self::Record { record, has_sequencer } => {
                let mut record = record.clone();
                record["s3"]["configurationId"] = told.configuration_id.clone().into();
                if *has_sequencer {
                    record["s3"]["object"]["sequencer"] = sequencer(number).into();
                }
                json!({"Records": [record]}).to_string()
            }
        }
    }
}

/// Hexadecimal digits, as many of each: they compare as text.
fn sequencer(number: i64) -> String {
    format!("{number:018X}")
}

/// Puts it down.
pub(super) fn put(transaction: &mut S3Transaction<'_>, event: &ObjectEvent) -> Result<(), Refusal> {
    let event =
        serde_json::to_vec(event).map_err(|_| refuse("InternalError", "An event cannot be encoded."))?;
    Ok(transaction.put_event(&event)?)
}

/// The record, but for what depends on who is told.
pub(super) fn record(
    bucket: &BucketRecord,
    context: &S3Context,
    name: EventName,
    object: &ObjectRecord,
) -> Message {
    let requester = &context.requester;
    let record = json!({
        // Of tags and access control lists it is newer.
        "eventVersion": if name.is_of_content() { "2.1" } else { "2.3" },
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": timestamp::iso_milliseconds(context.now_ms),
        "eventName": name.text(),
        "userIdentity": {"principalId": format!("AWS:{}", requester.user_id)},
        "requestParameters": {"sourceIPAddress": requester.source_ip},
        "responseElements": {"x-amz-request-id": requester.request_id, "x-amz-id-2": requester.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": canonical_id(&bucket.account_id)},
                "arn": super::arn(bucket),
            },
            "object": told_of(bucket, name, object),
        },
    });
    Message::Record { record, has_sequencer: name.is_of_content() }
}

fn told_of(bucket: &BucketRecord, name: EventName, object: &ObjectRecord) -> Value {
    /// The MD5 of nothing, which a delete marker holds.
    const ETAG_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";
    let mut told = json!({"key": encoded(&object.key)});
    let version = versions::told(bucket.versioning, &object.version_id);
    if let Some(version) = version.filter(|version| version != versions::NULL) {
        told["versionId"] = version.into();
    }
    match &object.content {
        Some(content) if name != EventName::Delete => {
            told["eTag"] = content.etag.clone().into();
            if name.is_creation() {
                told["size"] = content.size_bytes.into();
            }
        }
        None if name == EventName::DeleteMarkerCreated => told["eTag"] = ETAG_OF_NOTHING.into(),
        _ => {}
    }
    told
}

/// As a form has it: a space is a plus sign.
fn encoded(key: &str) -> String {
    const LEFT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'*').remove(b'_');
    utf8_percent_encode(key, LEFT).to_string().replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_forms_are() {
        assert_eq!(encoded("a/red flower+1.jpg"), "a/red+flower%2B1.jpg");
        assert_eq!(encoded("ä=b&c"), "%C3%A4%3Db%26c");
    }

    #[test]
    fn later_numbers_are_greater_texts() {
        assert!(sequencer(9) < sequencer(10) && sequencer(0xffff) < sequencer(0x1_0000));
        assert!(sequencer(i64::MAX - 1) < sequencer(i64::MAX));
    }
}
