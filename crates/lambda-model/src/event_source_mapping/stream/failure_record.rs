//! What a destination gets of records that are given up (K-06).

use aws_api::timestamp;
use serde_json::{Value, json};

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// They have failed too often.
    RetryAttemptsExhausted,
    /// They are too old.
    RecordAgeExceeded,
}

impl GivenUp {
    fn condition(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// What tells of records of a table's stream.
pub const DYNAMODB_BATCH_INFO: &str = "DDBStreamBatchInfo";
/// What tells of records of Kinesis.
pub const KINESIS_BATCH_INFO: &str = "KinesisBatchInfo";

/// One end of what is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End<'a> {
    /// The sequence number of the record, as the stream shows it.
    pub sequence_number: &'a str,
    /// When it came: Unix time, milliseconds.
    pub arrived_ms: i64,
}

/// Why and of which invocation.
#[derive(Debug, Clone, Copy)]
pub struct Abandonment<'a> {
    /// Why.
    pub why: GivenUp,
    /// The last invocation: a UUID.
    pub request_id: &'a str,
    /// ARN of the function, with its qualifier.
    pub function_arn: &'a str,
    /// How often it was invoked with them.
    pub invocations: u32,
    /// The version that ran.
    pub executed_version: &'a str,
}

impl Abandonment<'_> {
    /// What is told, with what tells of the records; and the event where the destination keeps that too.
    pub fn json(&self, now_ms: i64, (name, info): (&str, Value), payload: Option<&str>) -> String {
        let mut record = json!({
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.function_arn,
                "condition": self.why.condition(),
                "approximateInvokeCount": self.invocations,
            },
            "version": "1.0",
            "timestamp": timestamp::iso_milliseconds(now_ms),
            name: info,
        });
        if self.why == GivenUp::RetryAttemptsExhausted {
            record["responseContext"] = json!({
                "statusCode": 200,
                "executedVersion": self.executed_version,
                "functionError": "Unhandled",
            });
        }
        if let Some(payload) = payload {
            record["payload"] = Value::String(payload.to_owned());
        }
        record.to_string()
    }
}

/// Records of a stream that are given up.
#[derive(Debug, Clone, Copy)]
pub struct Abandoned<'a> {
    /// Why and of which invocation.
    pub abandonment: Abandonment<'a>,
    /// `KinesisBatchInfo`, say.
    pub batch_info: &'static str,
    /// Where they were.
    pub shard_id: &'a str,
    /// The stream.
    pub stream_arn: &'a str,
    /// The first.
    pub first: End<'a>,
    /// The last.
    pub last: End<'a>,
    /// Records.
    pub records: usize,
}

impl Abandoned<'_> {
    /// To the millisecond where the stream keeps those.
    fn shown(&self, end: End<'_>) -> String {
        match self.batch_info {
            DYNAMODB_BATCH_INFO => timestamp::iso_seconds(end.arrived_ms.div_euclid(1_000)),
            _ => timestamp::iso_milliseconds(end.arrived_ms),
        }
    }

    /// The record, with the event where the destination keeps that too.
    pub fn json(&self, now_ms: i64, payload: Option<&str>) -> String {
        let info = json!({
            "shardId": self.shard_id,
            "startSequenceNumber": self.first.sequence_number,
            "endSequenceNumber": self.last.sequence_number,
            "approximateArrivalOfFirstRecord": self.shown(self.first),
            "approximateArrivalOfLastRecord": self.shown(self.last),
            "batchSize": self.records,
            "streamArn": self.stream_arn,
        });
        self.abandonment.json(now_ms, (self.batch_info, info), payload)
    }

    /// The name of its object in a bucket (Lambda developer guide, on-failure destinations of stream sources).
    pub fn object_key(&self, mapping: &str, now_ms: i64, unique: &str) -> String {
        format!("aws/lambda/{mapping}/{}/{}-{unique}", self.shard_id, at_in_object_key(now_ms))
    }
}

/// `1970-01-01T00.00.00`.
pub fn at_in_object_key(now_ms: i64) -> String {
    timestamp::iso_seconds(now_ms.div_euclid(1_000)).trim_end_matches('Z').replace(':', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abandoned(why: GivenUp) -> Abandoned<'static> {
        let end = |sequence_number| End { sequence_number, arrived_ms: 1_573_690_399_900 };
        Abandoned {
            abandonment: Abandonment {
                why,
                request_id: "r",
                function_arn: "f",
                invocations: 2,
                executed_version: "$LATEST",
            },
            batch_info: DYNAMODB_BATCH_INFO,
            shard_id: "s",
            stream_arn: "arn",
            first: end("1"),
            last: end("3"),
            records: 2,
        }
    }

    #[test]
    fn k_06_a_destination_learns_what_was_given_up() {
        let record: Value =
            serde_json::from_str(&abandoned(GivenUp::RetryAttemptsExhausted).json(0, None)).unwrap();
        let expected = json!({
            "requestContext": {
                "requestId": "r",
                "functionArn": "f",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "1970-01-01T00:00:00.000Z",
            "DDBStreamBatchInfo": {
                "shardId": "s",
                "startSequenceNumber": "1",
                "endSequenceNumber": "3",
                "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
                "approximateArrivalOfLastRecord": "2019-11-14T00:13:19Z",
                "batchSize": 2,
                "streamArn": "arn",
            },
        });
        assert_eq!(record, expected);
        let aged = abandoned(GivenUp::RecordAgeExceeded);
        let record: Value = serde_json::from_str(&aged.json(0, Some("{}"))).unwrap();
        assert!(record.get("responseContext").is_none() && record["payload"] == "{}");
        assert_eq!(aged.object_key("m", 1_573_690_399_900, "u"), "aws/lambda/m/s/2019-11-14T00.13.19-u");
    }
}
