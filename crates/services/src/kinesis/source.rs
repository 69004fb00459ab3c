//! A stream as event source mappings read it (B.12).

use aws_api::{blob::Blob, error_response::ApiError};
use lambda_model::{
    LambdaError,
    event_source_mapping::stream::failure_record::KINESIS_BATCH_INFO,
    ports::{BoxFuture, StreamChunk, StreamRead, StreamRecord, StreamShard, StreamSource},
};
use serde_json::{Value, json, value::RawValue};
use store::TableView;

use super::{
    Kinesis,
    consumers::split_arn,
    reading::{chunk, end},
    record::{Kept, StreamRecord as Stream},
    sequence,
    shards::{Shard, id_of},
};
use crate::{append_log, change::ChangeError};

impl StreamSource for Kinesis {
    fn batch_info(&self) -> &'static str {
        KINESIS_BATCH_INFO
    }

    fn shards<'a>(
        &'a self,
        stream_arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<StreamShard>>, LambdaError>> {
        Box::pin(async move {
            let arn = stream_arn.to_owned();
            let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
                let Some(stream) = in_view(view, &arn)? else { return Ok(None) };
                let shard = |shard: &Shard| -> Result<StreamShard, ChangeError> {
                    Ok(StreamShard {
                        id: shard.id(),
                        parents: shard.parents.iter().copied().map(id_of).collect(),
                        is_open: shard.is_open(),
                        end: end(view, shard)?,
                        space: shard.space,
                    })
                };
                stream.shards.iter().map(shard).collect::<Result<Vec<_>, _>>().map(Some)
            };
            self.tables.read(read).await.map_err(unreadable)
        })
    }

    fn read<'a>(&'a self, read: StreamRead<'a>) -> BoxFuture<'a, Result<StreamChunk, LambdaError>> {
        Box::pin(async move {
            let StreamRead { stream_arn, shard, from, records_max, bytes_max, role } = read;
            let (arn, role, space) = (stream_arn.to_owned(), role.to_owned(), shard.space);
            let read = move |view: &TableView<'_>| -> Result<StreamChunk, ChangeError> {
                let gone =
                    StreamChunk { next: from, is_end: true, is_closed: true, ..StreamChunk::default() };
                let Some(stream) = in_view(view, &arn)? else { return Ok(gone) };
                // Of a stream that was made anew, a shard of the same name is another.
                let Some(shard) = stream.shards.iter().find(|shard| shard.space == space) else {
                    return Ok(gone);
                };
                let chunk = chunk(view, shard, from, (records_max, bytes_max))?;
                let is_end = chunk.following_ms.is_none();
                let names = (arn.as_str(), role.as_str());
                let records = chunk.records.into_iter().map(|record| of_function(shard, record, names));
                Ok(StreamChunk {
                    records: records.collect(),
                    next: chunk.next,
                    is_end,
                    is_closed: is_end && !shard.is_open(),
                })
            };
            self.tables.read(read).await.map_err(unreadable)
        })
    }

    fn appended(&self, shard: &StreamShard) -> BoxFuture<'static, ()> {
        append_log::appended(&self.tables, shard.space)
    }

    fn place_at(&self, at_ms: i64) -> u64 {
        append_log::place_at(at_ms)
    }
}

/// The stream of an ARN: its own, or one of its consumers'.
fn in_view(view: &TableView<'_>, arn: &str) -> Result<Option<Stream>, ChangeError> {
    let (stream_arn, consumer) = split_arn(arn);
    let stream = view.stream(stream_arn)?.map(|bytes| Stream::decode(&bytes)).transpose()?;
    let has_consumer =
        |stream: &Stream| consumer.is_none_or(|id| stream.consumers.iter().any(|known| known.id() == id));
    Ok(stream.filter(has_consumer))
}

fn unreadable(error: ChangeError) -> LambdaError {
    LambdaError::Service(ApiError::from(error).message)
}

/// A record as a function gets it (Lambda developer guide, Kinesis).
fn of_function(shard: &Shard, (place, kept): (u64, Kept), (arn, role): (&str, &str)) -> StreamRecord {
    let sequence_number = sequence::shown(place, shard.number);
    let json = json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": kept.key,
            "sequenceNumber": sequence_number,
            "data": Blob::from(kept.data.clone()),
            "approximateArrivalTimestamp": kept.at_ms as f64 / 1_000.0,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{}:{sequence_number}", shard.id()),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": arn.split(':').nth(3).unwrap_or_default(),
        "eventSourceARN": arn,
    });
    StreamRecord {
        place,
        filtered: Some(filtered(&json, &kept.data)),
        json: json.to_string(),
        sequence_number,
        key: kept.key.into_bytes(),
        arrived_ms: kept.at_ms,
    }
}

/// As filters see it (F-05): the data is JSON, as it is written, or is not there; its members stand beside those of the record.
fn filtered(json: &Value, data: &[u8]) -> String {
    let data = serde_json::from_slice::<&RawValue>(data).ok().filter(|data| data.get().starts_with('{'));
    let mut record = json["kinesis"].as_object().cloned().unwrap_or_default();
    record.remove("data");
    for (name, value) in json.as_object().into_iter().flatten().filter(|(name, _)| *name != "kinesis") {
        record.insert(name.clone(), value.clone());
    }
    let mut text = Value::Object(record).to_string();
    if let Some(data) = data {
        text.truncate(text.len() - 1);
        text.push_str(&format!(",\"data\":{}}}", data.get()));
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lambda_model::event_source_mapping::filter::FilterPattern;

    use super::*;

    fn record(data: &'static [u8]) -> StreamRecord {
        let shard = Shard {
            number: 6,
            parents: Vec::new(),
            hashes: 0..=1,
            space: 1,
            first: 0,
            created_ms: 0,
            closed: None,
        };
        let kept = Kept { at_ms: 1_545_084_650_987, key: "1".into(), data: Bytes::from_static(data) };
        of_function(&shard, (5, kept), ("arn:aws:kinesis:us-east-2:1:stream/s", "role"))
    }

    #[test]
    fn a_function_gets_what_aws_gives_it() {
        let record = record(b"hello");
        let number = record.sequence_number.clone();
        let expected = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": number,
                "data": "aGVsbG8=",
                "approximateArrivalTimestamp": 1_545_084_650.987,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("shardId-000000000006:{number}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "role",
            "awsRegion": "us-east-2",
            "eventSourceARN": "arn:aws:kinesis:us-east-2:1:stream/s",
        });
        assert_eq!(serde_json::from_str::<Value>(&record.json).unwrap(), expected);
    }

    #[test]
    fn f_05_filters_see_data_that_is_json_and_the_rest_beside_it() {
        let is_kept = |pattern: &str, data: &'static [u8]| {
            FilterPattern::parse(pattern).unwrap().matches(&record(data).filtered.unwrap())
        };
        let of_data = r#"{"data": {"n": [3.0e2]}}"#;
        assert!(is_kept(of_data, br#"{"n": 3.0e2}"#) && !is_kept(of_data, br#"{"n": 300}"#));
        assert!(!is_kept(of_data, b"text") && !is_kept(of_data, b"[1]") && !is_kept(of_data, b"\xff"));
        let of_key = r#"{"partitionKey": ["1"]}"#;
        assert!(is_kept(of_key, b"text") && is_kept(of_key, br#"{"n": 1}"#));
        assert!(!is_kept(r#"{"partitionKey": ["2"]}"#, b"text"));
    }
}
