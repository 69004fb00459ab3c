//! Records are put.

use aws_api::{blob::Blob, generated::kinesis::types};
use store::TableTransaction;

use super::{
    Handled, Kinesis, Named,
    describe::NO_ENCRYPTION,
    error::{dry_run, invalid_argument, validation},
    limits,
    record::{Kept, StreamRecord},
    sequence,
    shards::{Shard, hash_of},
};
use crate::{append_log, change::ChangeError, service::ServiceContext};

/// A record to be put, and where.
struct Placed {
    hash: u128,
    kept: Kept,
}

impl Kinesis {
    pub(super) async fn put_record(
        &self,
        context: &ServiceContext,
        input: types::PutRecordInput,
    ) -> Handled<types::PutRecordOutput> {
        dry_run(input.dry_run)?;
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let entry = types::PutRecordsRequestEntry {
            data: input.data,
            partition_key: input.partition_key,
            explicit_hash_key: input.explicit_hash_key,
        };
        let placed = vec![placed(entry, context.now_ms)?];
        let mut put = self.put(named, placed, |_| "data".to_owned()).await?;
        let (shard_id, sequence_number) = put.pop().unwrap_or_default();
        Ok(types::PutRecordOutput {
            shard_id: Some(shard_id),
            sequence_number: Some(sequence_number),
            encryption_type: Some(NO_ENCRYPTION.to_owned()),
        })
    }

    pub(super) async fn put_records(
        &self,
        context: &ServiceContext,
        input: types::PutRecordsInput,
    ) -> Handled<types::PutRecordsOutput> {
        dry_run(input.dry_run)?;
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let entries = input.records.unwrap_or_default().into_iter();
        let placed: Vec<Placed> =
            entries.map(|entry| placed(entry, context.now_ms)).collect::<Result<_, _>>()?;
        let bytes: usize = placed.iter().map(|record| size(&record.kept)).sum();
        if bytes > limits::REQUEST_BYTES_MAX {
            return Err(invalid_argument("Records size exceeds 10 MB limit"));
        }
        let put = self.put(named, placed, |index| format!("records.{}.member.data", index + 1)).await?;
        let result = |(shard_id, sequence_number)| types::PutRecordsResultEntry {
            shard_id: Some(shard_id),
            sequence_number: Some(sequence_number),
            ..Default::default()
        };
        Ok(types::PutRecordsOutput {
            failed_record_count: Some(0),
            records: Some(put.into_iter().map(result).collect()),
            encryption_type: Some(NO_ENCRYPTION.to_owned()),
        })
    }

    /// Puts all of them; the shard and the sequence number of each.
    async fn put(
        &self,
        named: Named,
        records: Vec<Placed>,
        member: impl Fn(usize) -> String + Send + 'static,
    ) -> Handled<Vec<(String, String)>> {
        let put = move |transaction: &mut TableTransaction<'_>| -> Result<Vec<_>, ChangeError> {
            let stream = named.in_view(transaction)?;
            check_sizes(&stream, &records, member)?;
            records.iter().map(|record| put_one(transaction, &stream, record)).collect()
        };
        Ok(self.tables.transact(put, |_| {}).await?)
    }
}

fn put_one(
    transaction: &mut TableTransaction<'_>,
    stream: &StreamRecord,
    Placed { hash, kept }: &Placed,
) -> Result<(String, String), ChangeError> {
    let has_hash = |shard: &&Shard| shard.hashes.contains(hash);
    let shard = stream.open_shards().find(has_hash);
    let shard = shard.ok_or_else(|| invalid_argument("There is no open shard for the record."))?;
    let place = append_log::append(transaction, shard.space, kept.at_ms, &kept.encode())?;
    Ok((shard.id(), sequence::shown(place, shard.number)))
}

fn placed(entry: types::PutRecordsRequestEntry, at_ms: i64) -> Handled<Placed> {
    let key = entry.partition_key.unwrap_or_default();
    let hash = match entry.explicit_hash_key {
        None => hash_of(&key),
        Some(explicit) => explicit.parse().map_err(|_| {
            invalid_argument(format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {explicit}"
            ))
        })?,
    };
    let data = entry.data.map(Blob::into_bytes).unwrap_or_default();
    Ok(Placed { hash, kept: Kept { at_ms, key, data } })
}

/// What counts of a record: its data and its key.
fn size(record: &Kept) -> usize {
    record.data.len() + record.key.len()
}

fn check_sizes(stream: &StreamRecord, records: &[Placed], member: impl Fn(usize) -> String) -> Handled<()> {
    let most = usize::try_from(stream.record_kib_max).unwrap_or(usize::MAX).saturating_mul(1_024);
    match records.iter().position(|record| size(&record.kept) > most) {
        None => Ok(()),
        Some(index) => Err(validation(format!(
            "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length less than or equal to {most}",
            member(index)
        ))),
    }
}
