//! Records of Kafka, and what a function says of them.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::{
    partial_failure::{Said, said},
    stream::Judged,
};

/// A record of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Unix time, milliseconds.
    pub timestamp_ms: i64,
    /// Whether the broker has said when it came, or whoever made it when that was.
    pub is_append_time: bool,
    /// Its key.
    pub key: Option<Bytes>,
    /// What it says.
    pub value: Option<Bytes>,
    /// Its headers, of which several may have the same name.
    pub headers: Vec<(String, Option<Bytes>)>,
}

impl KafkaRecord {
    /// As an event names its partition.
    pub fn topic_partition(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    /// As a function gets it.
    pub fn json(&self) -> Value {
        let header = |(name, value): &(String, Option<Bytes>)| {
            // Bytes are those of Java, which have a sign.
            let bytes = value.as_ref().map(|value| value.iter().map(|byte| *byte as i8).collect::<Vec<_>>());
            json!({ name: bytes })
        };
        let mut json = json!({
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp_ms,
            "timestampType": if self.is_append_time { "LOG_APPEND_TIME" } else { "CREATE_TIME" },
            "headers": self.headers.iter().map(header).collect::<Vec<_>>(),
        });
        for (name, bytes) in [("key", &self.key), ("value", &self.value)] {
            if let Some(bytes) = bytes {
                json[name] = BASE64_STANDARD.encode(bytes).into();
            }
        }
        json
    }
}

/// The event of a batch.
pub fn event(bootstrap_servers: &[String], records: &[KafkaRecord]) -> String {
    let mut partitions: Map<String, Value> = Map::new();
    for record in records {
        let of_partition = partitions.entry(record.topic_partition()).or_insert_with(|| json!([]));
        if let Value::Array(of_partition) = of_partition {
            of_partition.push(record.json());
        }
    }
    json!({
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": bootstrap_servers.join(","),
        "records": partitions,
    })
    .to_string()
}

/// What a response of a function that reports failures of items says of records, whose places are those in the batch: what is before
/// the first that has failed is done.
///
/// An item is `{"itemIdentifier": {"partition": "TOPIC-PARTITION", "offset": OFFSET}}`. Nothing to say is success; what cannot be
/// understood is a failure of all, also an item that is not in the batch.
pub fn judge(response: &[u8], records: &[KafkaRecord]) -> Judged {
    let items = match said(response) {
        Said::Done => return Judged::Done,
        Said::Nonsense => return Judged::Failed,
        Said::Failed(items) => items,
    };
    let place = |item: &Value| {
        let identifier = item.get("itemIdentifier")?;
        let (partition, offset) =
            (identifier.get("partition")?.as_str()?, identifier.get("offset")?.as_i64()?);
        records.iter().position(|record| record.offset == offset && record.topic_partition() == partition)
    };
    match items.iter().map(place).collect::<Option<Vec<usize>>>() {
        None => Judged::Failed,
        Some(places) => match places.into_iter().min() {
            None => Judged::Done,
            Some(first) => Judged::FailedFrom(first as u64),
        },
    }
}

/// Where each partition goes on: behind its first records that are finished, which the places of a batch tell, one after another.
pub fn offsets_behind(records: &[KafkaRecord], finished: &BTreeSet<u64>) -> BTreeMap<i32, i64> {
    let (mut offsets, mut ended) = (BTreeMap::new(), BTreeSet::new());
    for (place, record) in (0..).zip(records) {
        if !finished.contains(&place) {
            ended.insert(record.partition);
        } else if !ended.contains(&record.partition) {
            offsets.insert(record.partition, record.offset.saturating_add(1));
        }
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, offset: i64) -> KafkaRecord {
        KafkaRecord {
            topic: "orders".into(),
            partition,
            offset,
            timestamp_ms: 1_545_084_650_987,
            is_append_time: false,
            key: None,
            value: Some(Bytes::from_static(b"Hello, this is a test.")),
            headers: vec![("a".into(), Some(Bytes::from_static(&[104, 200]))), ("b".into(), None)],
        }
    }

    #[test]
    fn an_event_has_its_records_by_partition() {
        let servers = ["one:9092".to_owned(), "two:9092".to_owned()];
        let event: Value =
            serde_json::from_str(&event(&servers, &[record(0, 15), record(1, 3), record(0, 16)])).unwrap();
        assert_eq!(event["eventSource"], "SelfManagedKafka");
        assert_eq!(event["bootstrapServers"], "one:9092,two:9092");
        let expected = json!({
            "topic": "orders",
            "partition": 0,
            "offset": 15,
            "timestamp": 1_545_084_650_987_i64,
            "timestampType": "CREATE_TIME",
            "value": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
            "headers": [{"a": [104, -56]}, {"b": null}],
        });
        assert_eq!(event["records"]["orders-0"][0], expected);
        assert_eq!(event["records"]["orders-0"][1]["offset"], 16);
        assert_eq!(event["records"]["orders-1"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn kf_03_what_is_before_the_first_failure_is_done() {
        let records = [record(0, 15), record(0, 16), record(1, 3)];
        let item = |partition, offset| json!({"itemIdentifier": {"partition": partition, "offset": offset}});
        let said = |items: Value| judge(json!({"batchItemFailures": items}).to_string().as_bytes(), &records);
        assert_eq!(said(json!([])), Judged::Done);
        assert_eq!(said(Value::Null), Judged::Done);
        assert_eq!(said(json!([item("orders-1", 3), item("orders-0", 16)])), Judged::FailedFrom(1));
        assert_eq!(said(json!([item("orders-1", 4)])), Judged::Failed);
        assert_eq!(said(json!([{"itemIdentifier": "orders-1"}])), Judged::Failed);
        assert_eq!(judge(b"", &records), Judged::Done);
        assert_eq!(judge(b"null", &records), Judged::Done);
        assert_eq!(judge(b"[", &records), Judged::Failed);
    }

    #[test]
    fn a_partition_goes_on_behind_its_first_records_that_are_finished() {
        let records = [record(0, 15), record(0, 16), record(1, 3), record(0, 17), record(1, 4)];
        let offsets = |finished: &[u64]| offsets_behind(&records, &finished.iter().copied().collect());
        assert_eq!(offsets(&[]), [].into());
        assert_eq!(offsets(&[0, 1]), [(0, 17)].into());
        // What is not finished before it comes again.
        assert_eq!(offsets(&[1, 2, 3]), [(1, 4)].into());
        assert_eq!(offsets(&[0, 2, 3, 4]), [(0, 16), (1, 5)].into());
        assert_eq!(offsets(&[0, 1, 2, 3, 4]), [(0, 18), (1, 5)].into());
    }
}
