//! What a destination gets of records of Kafka that are given up.

use aws_api::timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::stream::failure_record::{Abandonment, at_in_object_key},
    kafka::KafkaRecord,
};

/// Retries where nobody says how many and a destination is there (Lambda developer guide, on-failure destinations of Kafka).
pub const RETRIES_WITH_DESTINATION: u32 = 10;

/// What tells of them, with the event where the destination keeps that too.
pub fn record(
    abandonment: &Abandonment<'_>,
    (bootstrap_servers, event): (&[String], &str),
    records: &[KafkaRecord],
    (now_ms, keeps_event): (i64, bool),
) -> String {
    let mut partitions: Map<String, Value> = Map::new();
    for record in records {
        let at = timestamp::iso_milliseconds(record.timestamp_ms);
        let info = partitions.entry(record.topic_partition()).or_insert_with(
            || json!({"firstRecordOffset": record.offset.to_string(), "firstRecordTimestamp": at}),
        );
        info["lastRecordOffset"] = record.offset.to_string().into();
        info["lastRecordTimestamp"] = at.into();
    }
    let info = json!({
        "batchSize": records.len(),
        "bootstrapServers": bootstrap_servers.join(","),
        "payloadSize": event.len(),
        "recordInfo": partitions,
    });
    abandonment.json(now_ms, ("KafkaBatchInfo", info), keeps_event.then_some(event))
}

/// The name of its object in a bucket.
pub fn object_key(mapping: &str, now_ms: i64, unique: &str) -> String {
    format!("aws/lambda/{mapping}/{}-{unique}", at_in_object_key(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_source_mapping::stream::failure_record::GivenUp;

    #[test]
    fn a_destination_learns_which_records_of_each_partition_were_given_up() {
        let abandonment = Abandonment {
            why: GivenUp::RecordAgeExceeded,
            request_id: "r",
            function_arn: "f",
            invocations: 3,
            executed_version: "$LATEST",
        };
        let record_at = |partition, offset| KafkaRecord {
            topic: "t".into(),
            partition,
            offset,
            timestamp_ms: offset,
            is_append_time: true,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let records = [record_at(0, 4), record_at(0, 9), record_at(1, 7)];
        let told = record(&abandonment, (&["one:9092".to_owned()], "{}"), &records, (0, true));
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["requestContext"]["condition"], "RecordAgeExceeded");
        assert_eq!(told["payload"], "{}");
        let expected = json!({
            "batchSize": 3,
            "bootstrapServers": "one:9092",
            "payloadSize": 2,
            "recordInfo": {
                "t-0": {
                    "firstRecordOffset": "4",
                    "firstRecordTimestamp": "1970-01-01T00:00:00.004Z",
                    "lastRecordOffset": "9",
                    "lastRecordTimestamp": "1970-01-01T00:00:00.009Z",
                },
                "t-1": {
                    "firstRecordOffset": "7",
                    "firstRecordTimestamp": "1970-01-01T00:00:00.007Z",
                    "lastRecordOffset": "7",
                    "lastRecordTimestamp": "1970-01-01T00:00:00.007Z",
                },
            },
        });
        assert_eq!(told["KafkaBatchInfo"], expected);
        assert_eq!(object_key("m", 0, "u"), "aws/lambda/m/1970-01-01T00.00.00-u");
    }
}
