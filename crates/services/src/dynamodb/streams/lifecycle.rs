//! Streams begin and end with their tables, or by themselves.

use aws_api::generated::dynamodb::types;
use store::{TableKey, TableTransaction};

use super::{
    super::{Handled, error::invalid_parameters, record::TableRecord},
    record::{StreamRecord, TableStream, label, stream_arn},
};
use crate::change::ChangeError;

/// What a table is asked for: what the records of a stream are to have; `None` for no stream.
///
/// # Errors
/// When it says one thing and another.
pub(in super::super) fn asked(specification: Option<&types::StreamSpecification>) -> Handled<Option<String>> {
    let Some(types::StreamSpecification { stream_enabled, stream_view_type }) = specification else {
        return Ok(None);
    };
    match (stream_enabled, stream_view_type) {
        (Some(true), Some(view_type)) => Ok(Some(view_type.clone())),
        (Some(true), None) => {
            Err(invalid_parameters("StreamViewType must be specified when StreamEnabled is true"))
        }
        (_, Some(_)) => {
            Err(invalid_parameters("StreamViewType cannot be specified when StreamEnabled is false"))
        }
        (_, None) => Ok(None),
    }
}

/// Begins one.
pub(in super::super) fn begin(
    transaction: &mut TableTransaction<'_>,
    (key, table): (&TableKey, &mut TableRecord),
    view_type: String,
    now_ms: i64,
) -> Result<(), ChangeError> {
    let stream =
        TableStream { label: label(now_ms), view_type, space: transaction.new_space()?, is_enabled: true };
    let record = StreamRecord {
        table_name: key.name.clone(),
        key: table.key.clone(),
        stream: stream.clone(),
        created_ms: now_ms,
        ended_ms: None,
    };
    transaction.put_stream(&stream_arn(key, &stream.label), &record.encode()?)?;
    table.stream = Some(stream);
    Ok(())
}

/// Ends the one that there is: what it has can be read for a day.
pub(in super::super) fn end(
    transaction: &mut TableTransaction<'_>,
    (key, table): (&TableKey, &mut TableRecord),
    now_ms: i64,
) -> Result<(), ChangeError> {
    let Some(stream) = table.stream.as_mut().filter(|stream| stream.is_enabled) else { return Ok(()) };
    stream.is_enabled = false;
    let arn = stream_arn(key, &stream.label);
    if let Some(description) = transaction.stream(&arn)? {
        let record = StreamRecord { ended_ms: Some(now_ms), ..StreamRecord::decode(&description)? };
        transaction.put_stream(&arn, &record.encode()?)?;
        transaction.wake(record.stream.space);
    }
    Ok(())
}
