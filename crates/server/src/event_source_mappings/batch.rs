//! Messages of SQS as a function gets them (Q-09).

use std::collections::BTreeMap;

use aws_api::generated::sqs::types;
use lambda_model::event_source_mapping::queue::BATCH_BYTES_MAX;
use serde_json::{Map, Value, json};

/// A message and what a function sees of it.
pub(super) struct Record {
    pub identifier: String,
    pub handle: String,
    /// `X-Amzn-Trace-Id` of who sent it.
    pub trace_header: Option<String>,
    pub json: Value,
}

impl Record {
    /// Of a message of a queue.
    pub(super) fn new(message: types::Message, queue_arn: &str) -> Self {
        let attributes = message.attributes.unwrap_or_default();
        let identifier = message.message_id.unwrap_or_default();
        let handle = message.receipt_handle.unwrap_or_default();
        let trace_header = attributes.get("AWSTraceHeader").cloned();
        let mut json = json!({
            "messageId": identifier,
            "receiptHandle": handle,
            "body": message.body.unwrap_or_default(),
            "attributes": attributes,
            "messageAttributes": message_attributes(message.message_attributes.unwrap_or_default()),
            "md5OfBody": message.md5_of_body.unwrap_or_default(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(':').nth(3).unwrap_or_default(),
        });
        if let Some(md5) = message.md5_of_message_attributes {
            json["md5OfMessageAttributes"] = md5.into();
        }
        Self { identifier, handle, trace_header, json }
    }
}

fn message_attributes(attributes: BTreeMap<String, types::MessageAttributeValue>) -> Map<String, Value> {
    let shown = |attribute: types::MessageAttributeValue| {
        let mut shown = json!({
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": attribute.data_type.unwrap_or_default(),
        });
        if let Some(text) = attribute.string_value {
            shown["stringValue"] = text.into();
        }
        if let Some(bytes) = attribute.binary_value {
            shown["binaryValue"] = serde_json::to_value(bytes).unwrap_or_default();
        }
        shown
    };
    attributes.into_iter().map(|(name, attribute)| (name, shown(attribute))).collect()
}

/// The event of a batch.
pub(super) fn event(records: &[Record]) -> Vec<u8> {
    let records: Vec<&Value> = records.iter().map(|record| &record.json).collect();
    serde_json::to_vec(&json!({ "Records": records })).unwrap_or_default()
}

/// Batches of records in their order, none larger than an invocation takes (Q-05).
pub(super) fn split(records: Vec<Record>) -> Vec<Vec<Record>> {
    /// What is around records in an event, and between them.
    const AROUND: usize = 16;
    let (mut batches, mut bytes) = (Vec::new(), usize::MAX);
    for record in records {
        let size = record.json.to_string().len() + 1;
        if bytes.saturating_add(size) > BATCH_BYTES_MAX {
            batches.push(Vec::new());
            bytes = AROUND;
        }
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.push(record);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Record {
        let message = types::Message {
            message_id: Some("m".into()),
            body: Some("a".repeat(bytes)),
            ..Default::default()
        };
        Record::new(message, "arn:aws:sqs:eu-west-1:000000000000:q")
    }

    #[test]
    fn q_09_a_record_has_what_aws_gives_it() {
        let attribute = types::MessageAttributeValue {
            string_value: Some("v".into()),
            data_type: Some("String".into()),
            ..Default::default()
        };
        let message = types::Message {
            message_id: Some("m".into()),
            receipt_handle: Some("r".into()),
            md5_of_body: Some("5".into()),
            body: Some("b".into()),
            attributes: Some([("SenderId".to_owned(), "s".to_owned())].into()),
            md5_of_message_attributes: Some("6".into()),
            message_attributes: Some([("a".to_owned(), attribute)].into()),
        };
        let record = Record::new(message, "arn:aws:sqs:eu-west-1:000000000000:q");
        let shown =
            json!({"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"});
        let expected = json!({
            "messageId": "m",
            "receiptHandle": "r",
            "body": "b",
            "attributes": {"SenderId": "s"},
            "messageAttributes": {"a": shown},
            "md5OfMessageAttributes": "6",
            "md5OfBody": "5",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:q",
            "awsRegion": "eu-west-1",
        });
        assert_eq!(record.json, expected);
    }

    #[test]
    fn q_05_a_batch_is_no_larger_than_an_invocation() {
        let megabyte = 1024 * 1024;
        let batches = split((0..8).map(|_| record(megabyte)).collect());
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [5, 3]);
        assert!(batches.iter().all(|batch| event(batch).len() <= BATCH_BYTES_MAX));
        assert!(split(Vec::new()).is_empty());
    }
}
