//! Operations of DynamoDB Streams.

use std::ops::ControlFlow;

use aws_api::{error_response::ApiError, generated::dynamodbstreams::types};
use store::TableView;

use super::{
    super::{Handled, describe::elements},
    DynamoDbStreams,
    iterator::Iterator,
    record::{StreamRecord, is_stream_arn, records_from, shown_sequence},
};
use crate::{append_log, change::ChangeError, paging, service::ServiceContext};

/// Records of an answer at most.
const RECORDS_MAX: usize = 1_000;
/// Bytes of an answer at most, nearly.
const BYTES_MAX: usize = 1 << 20;
/// Streams of a page at most.
const PAGE: i64 = 100;

impl DynamoDbStreams {
    pub(super) async fn list_streams(
        &self,
        context: &ServiceContext,
        input: types::ListStreamsInput,
    ) -> Handled<types::ListStreamsOutput> {
        let start = format!(
            "arn:{}:dynamodb:{}:{}:table/",
            context.partition(),
            context.region,
            context.account_id()
        );
        let all = self.tables.read(|view: &TableView<'_>| all(view)).await?;
        let after = input.exclusive_start_stream_arn.unwrap_or_default();
        let is_wanted = |(arn, stream): &(String, StreamRecord)| {
            let of_table = input.table_name.as_ref().is_none_or(|name| *name == stream.table_name);
            of_table && arn.starts_with(&start) && *arn > after && !stream.is_over(context.now_ms)
        };
        let named =
            all.into_iter().filter(is_wanted).map(|(arn, stream)| (arn.clone(), summary(arn, stream)));
        let limit = input.limit.unwrap_or(PAGE).min(PAGE);
        let (streams, next) = paging::page(named.collect(), limit, None).map_err(|_| no_stream(&after))?;
        let last = streams.last().and_then(|stream: &types::Stream| stream.stream_arn.clone());
        Ok(types::ListStreamsOutput { last_evaluated_stream_arn: next.and(last), streams: Some(streams) })
    }

    pub(super) async fn describe_stream(
        &self,
        context: &ServiceContext,
        input: types::DescribeStreamInput,
    ) -> Handled<types::DescribeStreamOutput> {
        let (arn, now_ms) = (input.stream_arn.unwrap_or_default(), context.now_ms);
        let named = arn.clone();
        let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
            let stream = stream_in(view, &named, now_ms)?;
            let last = append_log::last(view, stream.stream.space)?;
            Ok((stream, last))
        };
        let (stream, last) = self.tables.read(read).await?;
        let is_open = stream.ended_ms.is_none();
        let shard = types::Shard {
            shard_id: Some(stream.shard_id()),
            sequence_number_range: Some(types::SequenceNumberRange {
                starting_sequence_number: Some(shown_sequence(stream.first_sequence())),
                ending_sequence_number: (!is_open)
                    .then(|| shown_sequence(last.unwrap_or(stream.first_sequence()))),
            }),
            parent_shard_id: None,
        };
        let is_wanted = input.exclusive_start_shard_id.is_none() && input.shard_filter.is_none();
        let status = if is_open { "ENABLED" } else { "DISABLED" };
        Ok(types::DescribeStreamOutput {
            stream_description: Some(types::StreamDescription {
                stream_arn: Some(arn),
                stream_label: Some(stream.stream.label.clone()),
                stream_status: Some(status.to_owned()),
                stream_view_type: Some(stream.stream.view_type.clone()),
                creation_request_date_time: Some(stream.created_ms as f64 / 1_000.0),
                table_name: Some(stream.table_name.clone()),
                key_schema: Some(key_schema(&stream)),
                shards: Some(if is_wanted { vec![shard] } else { Vec::new() }),
                last_evaluated_shard_id: None,
            }),
        })
    }

    pub(super) async fn get_shard_iterator(
        &self,
        context: &ServiceContext,
        input: types::GetShardIteratorInput,
    ) -> Handled<types::GetShardIteratorOutput> {
        let (arn, now_ms) = (input.stream_arn.clone().unwrap_or_default(), context.now_ms);
        let named = arn.clone();
        let read = move |view: &TableView<'_>| -> Result<u64, ChangeError> {
            let stream = stream_in(view, &named, now_ms)?;
            if input.shard_id.as_deref() != Some(&stream.shard_id()) {
                let shard = input.shard_id.unwrap_or_default();
                let why = format!("Requested resource not found: Shard does not exist: {shard}");
                return Err(not_found(why).into());
            }
            let sequence = || input.sequence_number.as_deref().and_then(|text| text.parse::<u64>().ok());
            let wanted = || sequence().ok_or_else(|| invalid("Invalid SequenceNumber"));
            Ok(match input.shard_iterator_type.as_deref() {
                Some("LATEST") => append_log::last(view, stream.stream.space)?
                    .map_or(stream.first_sequence(), |last| last + 1),
                Some("AT_SEQUENCE_NUMBER") => wanted()?,
                Some("AFTER_SEQUENCE_NUMBER") => wanted()? + 1,
                Some("AT_TIMESTAMP") => {
                    (input.timestamp.ok_or_else(|| invalid("Timestamp is missing"))? * 1e6) as u64
                }
                _ => stream.first_sequence(),
            })
        };
        let next = self.tables.read(read).await?;
        let iterator = Iterator { arn, next, given_ms: now_ms };
        Ok(types::GetShardIteratorOutput { shard_iterator: Some(iterator.encode()) })
    }

    pub(super) async fn get_records(
        &self,
        context: &ServiceContext,
        input: types::GetRecordsInput,
    ) -> Handled<types::GetRecordsOutput> {
        let now_ms = context.now_ms;
        let iterator = Iterator::decode(&input.shard_iterator.unwrap_or_default(), now_ms)?;
        let limit =
            input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
        let read = move |view: &TableView<'_>| -> Result<types::GetRecordsOutput, ChangeError> {
            let stream = stream_in(view, &iterator.arn, now_ms)?;
            let (mut records, mut bytes, mut next) = (Vec::new(), 0, iterator.next);
            let mut is_cut = false;
            records_from(view, (&iterator.arn, &stream), iterator.next, |sequence, record, size| {
                if records.len() == limit || bytes > BYTES_MAX {
                    is_cut = true;
                    return ControlFlow::Break(());
                }
                bytes += size;
                next = sequence + 1;
                records.push(record);
                ControlFlow::Continue(())
            })?;
            // A shard that is closed has an end.
            let goes_on = is_cut || stream.ended_ms.is_none();
            let iterator = Iterator { next, given_ms: now_ms, ..iterator };
            Ok(types::GetRecordsOutput {
                records: Some(records),
                next_shard_iterator: goes_on.then(|| iterator.encode()),
            })
        };
        Ok(self.tables.read(read).await?)
    }
}

fn all(view: &TableView<'_>) -> Result<Vec<(String, StreamRecord)>, ChangeError> {
    let all = view.streams()?.into_iter().filter(|(arn, _)| is_stream_arn(arn));
    all.map(|(arn, bytes)| Ok((arn, StreamRecord::decode(&bytes)?))).collect()
}

/// A stream that is there.
fn stream_in(view: &TableView<'_>, arn: &str, now_ms: i64) -> Result<StreamRecord, ChangeError> {
    let found = view.stream(arn)?.map(|bytes| StreamRecord::decode(&bytes)).transpose()?;
    found.filter(|stream| !stream.is_over(now_ms)).ok_or_else(|| no_stream(arn).into())
}

fn summary(arn: String, stream: StreamRecord) -> types::Stream {
    types::Stream {
        stream_arn: Some(arn),
        table_name: Some(stream.table_name),
        stream_label: Some(stream.stream.label),
    }
}

fn key_schema(stream: &StreamRecord) -> Vec<types::KeySchemaElement> {
    let element = |of_table: aws_api::generated::dynamodb::types::KeySchemaElement| types::KeySchemaElement {
        attribute_name: of_table.attribute_name,
        key_type: of_table.key_type,
    };
    elements(&stream.key).into_iter().map(element).collect()
}

fn not_found(why: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, why)
}

fn no_stream(arn: &str) -> ApiError {
    not_found(format!("Requested resource not found: Stream: {arn} not found"))
}

fn invalid(why: &str) -> ApiError {
    ApiError::user("ValidationException", 400, why)
}
