//! Records are read.

use std::ops::ControlFlow;

use aws_api::generated::kinesis::types;
use store::TableView;

use super::{
    Handled, Kinesis, Named,
    describe::{NO_ENCRYPTION, hash_range, seconds},
    error::{dry_run, invalid_argument, not_found},
    iterator::Iterator,
    limits,
    record::{Kept, StreamRecord},
    sequence,
    shards::{Shard, id_of, number_of},
};
use crate::{append_log, change::ChangeError, service::ServiceContext};

impl Kinesis {
    pub(super) async fn get_shard_iterator(
        &self,
        context: &ServiceContext,
        input: types::GetShardIteratorInput,
    ) -> Handled<types::GetShardIteratorOutput> {
        dry_run(input.dry_run)?;
        let named = Named::of(context, input.stream_name.clone(), input.stream_arn.clone())?;
        let (arn, given_ms) = (named.arn.clone(), context.now_ms);
        let read = move |view: &TableView<'_>| -> Result<Iterator, ChangeError> {
            let stream = named.in_view(view)?;
            let id = input.shard_id.as_deref().unwrap_or_default();
            let shard = number_of(id).and_then(|number| stream.shard(number)).ok_or_else(|| {
                let shown = number_of(id).map_or_else(|| id.to_owned(), id_of);
                not_found(format!(
                    "Shard {shown} in stream {} under account {} does not exist",
                    stream.name, named.account_id
                ))
            })?;
            let next = place(view, &stream, (shard, &named.account_id), &input)?;
            Ok(Iterator { arn, created_ms: stream.created_ms, shard: shard.number, next, given_ms })
        };
        let iterator = self.tables.read(read).await?;
        Ok(types::GetShardIteratorOutput { shard_iterator: Some(iterator.encode()) })
    }

    pub(super) async fn get_records(
        &self,
        context: &ServiceContext,
        input: types::GetRecordsInput,
    ) -> Handled<types::GetRecordsOutput> {
        dry_run(input.dry_run)?;
        let now_ms = context.now_ms;
        let iterator = Iterator::decode(&input.shard_iterator.unwrap_or_default(), now_ms)?;
        let named = Named::of(context, None, Some(iterator.arn.clone()))?;
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::RECORDS_MAX);
        let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
            let stream = named.in_view(view)?;
            let shard = stream.shard(iterator.shard).filter(|_| stream.created_ms == iterator.created_ms);
            let shard =
                shard.ok_or_else(|| invalid_argument("The shard of the iterator is not there any more."))?;
            let from = iterator.next.max(append_log::place_at(stream.horizon_ms(now_ms)));
            let chunk = chunk(view, shard, from, (limit, limits::ANSWER_BYTES_MAX))?;
            Ok(answer(&stream, shard, chunk, Iterator { given_ms: now_ms, ..iterator }))
        };
        Ok(self.tables.read(read).await?)
    }
}

/// Records of a shard from a place on.
pub(super) struct Chunk {
    /// With their places.
    pub records: Vec<(u64, Kept)>,
    /// Where to read on.
    pub next: u64,
    /// When the first came that is not there, if there is one: Unix time, milliseconds.
    pub following_ms: Option<i64>,
}

/// Reads at most so many records, and not much more than so many bytes.
pub(super) fn chunk(
    view: &TableView<'_>,
    shard: &Shard,
    from: u64,
    (records_max, bytes_max): (usize, usize),
) -> Result<Chunk, ChangeError> {
    let mut chunk = Chunk { records: Vec::new(), next: from, following_ms: None };
    let mut bytes = 0;
    append_log::each_from(view, shard.space, from, |place, row| {
        let kept = Kept::decode(row)?;
        if chunk.records.len() == records_max || bytes > bytes_max {
            chunk.following_ms = Some(kept.at_ms);
            return Ok(ControlFlow::Break(()));
        }
        bytes += kept.data.len() + kept.key.len();
        chunk.next = place + 1;
        chunk.records.push((place, kept));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(chunk)
}

fn answer(stream: &StreamRecord, shard: &Shard, chunk: Chunk, iterator: Iterator) -> types::GetRecordsOutput {
    let Chunk { records, next, following_ms } = chunk;
    // A shard that is closed has an end.
    let is_over = following_ms.is_none() && !shard.is_open();
    let behind_ms = following_ms.map_or(0, |at_ms| (iterator.given_ms - at_ms).max(0));
    let record = |(place, kept): (u64, Kept)| types::Record {
        sequence_number: Some(sequence::shown(place, shard.number)),
        approximate_arrival_timestamp: Some(seconds(kept.at_ms)),
        data: Some(kept.data.into()),
        partition_key: Some(kept.key),
        encryption_type: Some(NO_ENCRYPTION.to_owned()),
    };
    types::GetRecordsOutput {
        records: Some(records.into_iter().map(record).collect()),
        next_shard_iterator: (!is_over).then(|| Iterator { next, ..iterator }.encode()),
        millis_behind_latest: Some(behind_ms),
        child_shards: is_over.then(|| children(stream, shard)),
    }
}

/// The shards that go on from one.
fn children(stream: &StreamRecord, shard: &Shard) -> Vec<types::ChildShard> {
    let of_it = stream.shards.iter().filter(|child| child.parents.contains(&shard.number));
    of_it
        .map(|child| types::ChildShard {
            shard_id: Some(child.id()),
            parent_shards: Some(child.parents.iter().copied().map(id_of).collect()),
            hash_key_range: Some(hash_range(child)),
        })
        .collect()
}

/// The place that is meant.
fn place(
    view: &TableView<'_>,
    stream: &StreamRecord,
    (shard, account_id): (&Shard, &str),
    input: &types::GetShardIteratorInput,
) -> Result<u64, ChangeError> {
    let sequence = || {
        let number = input.starting_sequence_number.as_deref().ok_or_else(|| {
            invalid_argument("StartingSequenceNumber must be specified for this ShardIteratorType.")
        })?;
        sequence::place_of(number, shard.number).ok_or_else(|| {
            invalid_argument(format!(
                "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {} under account {account_id} is invalid because it did not come from this stream.",
                shard.id(),
                stream.name
            ))
        })
    };
    Ok(match input.shard_iterator_type.as_deref() {
        Some("LATEST") => end(view, shard)?,
        Some("AT_SEQUENCE_NUMBER") => sequence()?,
        Some("AFTER_SEQUENCE_NUMBER") => sequence()? + 1,
        Some("AT_TIMESTAMP") => {
            let seconds = input.timestamp.ok_or_else(|| {
                invalid_argument(
                    "Must either specify Timestamp parameter or StartingSequenceNumber parameter.",
                )
            })?;
            append_log::place_at((seconds * 1_000.0) as i64)
        }
        _ => shard.first,
    })
}

/// The place behind the last record.
pub(super) fn end(view: &TableView<'_>, shard: &Shard) -> Result<u64, ChangeError> {
    Ok(append_log::last(view, shard.space)?.map_or(shard.first, |last| last + 1))
}
