//! A stream as event source mappings read it (B.12).

use std::ops::ControlFlow;

use aws_api::{error_response::ApiError, generated::dynamodbstreams::types::Record};
use lambda_model::{
    LambdaError,
    event_source_mapping::stream::failure_record::DYNAMODB_BATCH_INFO,
    ports::{BoxFuture, StreamChunk, StreamRead, StreamRecord, StreamShard, StreamSource},
};
use serde_json::{Value, json};
use store::TableView;

use super::{DynamoDbStreams, StreamRecord as Stream, record::records_from};
use crate::{append_log, change::ChangeError};

impl StreamSource for DynamoDbStreams {
    fn batch_info(&self) -> &'static str {
        DYNAMODB_BATCH_INFO
    }

    fn shards<'a>(
        &'a self,
        stream_arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<StreamShard>>, LambdaError>> {
        Box::pin(async move {
            let arn = stream_arn.to_owned();
            let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
                let Some(bytes) = view.stream(&arn)? else { return Ok(None) };
                let stream = Stream::decode(&bytes)?;
                let last = append_log::last(view, stream.stream.space)?;
                Ok(Some(vec![StreamShard {
                    id: stream.shard_id(),
                    parents: Vec::new(),
                    is_open: stream.ended_ms.is_none(),
                    end: last.map_or(stream.first_sequence(), |last| last + 1),
                    space: stream.stream.space,
                }]))
            };
            self.tables.read(read).await.map_err(unreadable)
        })
    }

    fn read<'a>(&'a self, read: StreamRead<'a>) -> BoxFuture<'a, Result<StreamChunk, LambdaError>> {
        Box::pin(async move {
            let StreamRead { stream_arn, from, records_max, bytes_max, .. } = read;
            let arn = stream_arn.to_owned();
            let read = move |view: &TableView<'_>| -> Result<StreamChunk, ChangeError> {
                let mut chunk =
                    StreamChunk { next: from, is_end: true, is_closed: true, ..StreamChunk::default() };
                let Some(bytes) = view.stream(&arn)? else { return Ok(chunk) };
                let (stream, mut bytes) = (Stream::decode(&bytes)?, 0);
                records_from(view, (&arn, &stream), from, |place, record, size| {
                    if chunk.records.len() == records_max || bytes > bytes_max {
                        chunk.is_end = false;
                        return ControlFlow::Break(());
                    }
                    bytes += size;
                    chunk.next = place + 1;
                    chunk.records.push(of_function(place, record, &arn));
                    ControlFlow::Continue(())
                })?;
                chunk.is_closed = chunk.is_end && stream.ended_ms.is_some();
                Ok(chunk)
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

fn unreadable(error: ChangeError) -> LambdaError {
    LambdaError::Service(ApiError::from(error).message)
}

/// A record as a function gets it: as the API shows it but for the names of an identity's members, and with the stream's name.
fn of_function(place: u64, record: Record, arn: &str) -> StreamRecord {
    let of_stream = record.dynamodb.clone().unwrap_or_default();
    let seconds = of_stream.approximate_creation_date_time.unwrap_or_default();
    let mut event = serde_json::to_value(&record).unwrap_or_default();
    event["eventSourceARN"] = Value::String(arn.to_owned());
    if let Some(identity) = record.user_identity {
        event["userIdentity"] = json!({"principalId": identity.principal_id, "type": identity.r#type});
    }
    StreamRecord {
        place,
        sequence_number: of_stream.sequence_number.unwrap_or_default(),
        key: event["dynamodb"]["Keys"].to_string().into_bytes(),
        arrived_ms: (seconds * 1_000.0) as i64,
        json: event.to_string(),
        filtered: None,
    }
}
