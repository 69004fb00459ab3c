//! Streams and their records, as they are kept.

use std::ops::ControlFlow;

use aws_api::{
    generated::{
        dynamodb::types::AttributeValue,
        dynamodbstreams::types::{self, Record},
    },
    timestamp,
};
use serde::{Deserialize, Serialize};
use store::{TableKey, TableTransaction, TableView};

use super::super::{
    keys::KeySchema,
    record::{TableRecord, table_arn},
    value::{self, Item},
};
use crate::{
    append_log,
    change::{ChangeError, failed},
};

/// How long records are kept.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Digits of a sequence number: as many as the least that the API takes.
const SEQUENCE_DIGITS: usize = 21;

/// The stream of a table: its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct TableStream {
    /// When it was made, which names it.
    pub label: String,
    /// What its records have: `KEYS_ONLY` and so on.
    pub view_type: String,
    pub space: i64,
    pub is_enabled: bool,
}

/// A stream, also of a table that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct StreamRecord {
    pub table_name: String,
    pub key: KeySchema,
    pub stream: TableStream,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// When it was disabled: a day later it is forgotten.
    pub ended_ms: Option<i64>,
}

/// Who has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Actor {
    /// A caller.
    Caller,
    /// The sweeper of what has expired.
    TimeToLive,
}

/// A record but for what its place tells.
#[derive(Serialize, Deserialize)]
struct Kept {
    at_ms: i64,
    keys: std::collections::BTreeMap<String, AttributeValue>,
    new: Option<std::collections::BTreeMap<String, AttributeValue>>,
    old: Option<std::collections::BTreeMap<String, AttributeValue>>,
    name: String,
    size: i64,
    is_expired: bool,
}

impl StreamRecord {
    /// From what is kept.
    pub(in super::super) fn decode(bytes: &[u8]) -> Result<Self, ChangeError> {
        serde_json::from_slice(bytes)
            .map_err(|error| failed(format!("the record of a stream: {error}")).into())
    }

    /// What is kept.
    pub(in super::super) fn encode(&self) -> Result<Vec<u8>, ChangeError> {
        serde_json::to_vec(self).map_err(|error| failed(format!("the record of a stream: {error}")).into())
    }

    /// A day after its end there is nothing left of it.
    pub(in super::super) fn is_over(&self, now_ms: i64) -> bool {
        self.ended_ms.is_some_and(|ended_ms| ended_ms + KEPT_MS <= now_ms)
    }

    /// Its shard.
    pub(super) fn shard_id(&self) -> String {
        format!("shardId-{:020}-{:08x}", self.created_ms, self.stream.space)
    }

    /// What the sequence numbers of its shard begin with.
    pub(super) fn first_sequence(&self) -> u64 {
        append_log::place_at(self.created_ms)
    }
}

/// The ARN of a stream.
pub(in super::super) fn stream_arn(table: &TableKey, label: &str) -> String {
    format!("{}/stream/{label}", table_arn(table))
}

/// Whether an ARN is a stream's of a table.
pub(in super::super) fn is_stream_arn(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("dynamodb")
}

/// The name of a stream that is made now.
pub(in super::super) fn label(now_ms: i64) -> String {
    timestamp::iso_milliseconds(now_ms).trim_end_matches('Z').to_owned()
}

pub(super) fn shown_sequence(sequence: u64) -> String {
    format!("{sequence:0SEQUENCE_DIGITS$}")
}

/// Puts what was written at the end of the table's stream, if it has one.
pub(in super::super) fn append(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    (old, new): (Option<&Item>, Option<&Item>),
    (now_ms, actor): (i64, Actor),
) -> Result<(), ChangeError> {
    let Some(stream) = table.stream.clone().filter(|stream| stream.is_enabled) else { return Ok(()) };
    let name = match (old, new) {
        (None, Some(_)) => "INSERT",
        (Some(_), Some(_)) => "MODIFY",
        (Some(_), None) => "REMOVE",
        (None, None) => return Ok(()),
    };
    let Some(whole) = new.or(old) else { return Ok(()) };
    let (has_new, has_old) = match stream.view_type.as_str() {
        "NEW_IMAGE" => (true, false),
        "OLD_IMAGE" => (false, true),
        "NEW_AND_OLD_IMAGES" => (true, true),
        _ => (false, false),
    };
    let (new, old) = (new.filter(|_| has_new).cloned(), old.filter(|_| has_old).cloned());
    let keys = table.key.of(whole);
    let images = new.as_ref().map_or(0, value::size) + old.as_ref().map_or(0, value::size);
    let kept = Kept {
        at_ms: now_ms,
        size: i64::try_from(value::size(&keys) + images).unwrap_or(i64::MAX),
        keys: value::shown(keys),
        new: new.map(value::shown),
        old: old.map(value::shown),
        name: name.to_owned(),
        is_expired: actor == Actor::TimeToLive,
    };
    let bytes =
        serde_json::to_vec(&kept).map_err(|error| failed(format!("a record of a stream: {error}")))?;
    append_log::append(transaction, stream.space, now_ms, &bytes)?;
    Ok(())
}

/// The records of a stream from a sequence number on, as `see` wants them: each with its number and its bytes.
pub(super) fn records_from(
    view: &TableView<'_>,
    (arn, stream): (&str, &StreamRecord),
    from: u64,
    mut see: impl FnMut(u64, Record, usize) -> ControlFlow<()>,
) -> Result<(), ChangeError> {
    let region = arn.split(':').nth(3).unwrap_or_default();
    append_log::each_from(view, stream.stream.space, from, |sequence, row| {
        let kept: Kept =
            serde_json::from_slice(&row).map_err(|error| failed(format!("a record of a stream: {error}")))?;
        let record = shown(kept, sequence, region, stream)?;
        Ok(see(sequence, record, row.len()))
    })
}

fn shown(kept: Kept, sequence: u64, region: &str, stream: &StreamRecord) -> Result<Record, ChangeError> {
    let images = serde_json::json!({"Keys": kept.keys, "NewImage": kept.new, "OldImage": kept.old});
    let images: types::StreamRecord =
        serde_json::from_value(images).map_err(|error| failed(format!("a record of a stream: {error}")))?;
    Ok(Record {
        event_id: Some(format!("{:08x}{sequence:024x}", stream.stream.space)),
        event_name: Some(kept.name),
        event_version: Some("1.1".to_owned()),
        event_source: Some("aws:dynamodb".to_owned()),
        aws_region: Some(region.to_owned()),
        dynamodb: Some(types::StreamRecord {
            approximate_creation_date_time: Some(kept.at_ms.div_euclid(1_000) as f64),
            sequence_number: Some(shown_sequence(sequence)),
            size_bytes: Some(kept.size),
            stream_view_type: Some(stream.stream.view_type.clone()),
            ..images
        }),
        user_identity: kept.is_expired.then(|| types::Identity {
            principal_id: Some("dynamodb.amazonaws.com".to_owned()),
            r#type: Some("Service".to_owned()),
        }),
    })
}

/// Forgets records that are older than a day.
pub(in super::super) fn forget_old(
    transaction: &mut TableTransaction<'_>,
    space: i64,
    now_ms: i64,
) -> Result<(), ChangeError> {
    Ok(append_log::forget_before(transaction, space, now_ms - KEPT_MS)?)
}
