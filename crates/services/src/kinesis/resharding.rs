//! Shards are split and merged: the old ones are closed, and the new ones go on from them.

use aws_api::{error_response::ApiError, generated::kinesis::types};
use store::TableTransaction;

use super::{
    Handled, Kinesis, Named,
    error::{invalid_argument, limit_exceeded, not_found, validation},
    limits,
    record::StreamRecord,
    shards::{Closed, Shard, middle, number_of, smallest_neighbours},
    streams::open_shard,
};
use crate::{append_log, change::ChangeError, service::ServiceContext};

impl Kinesis {
    pub(super) async fn split_shard(
        &self,
        context: &ServiceContext,
        input: types::SplitShardInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let (account_id, now_ms) = (named.account_id.clone(), context.now_ms);
        let (id, key) =
            (input.shard_to_split.unwrap_or_default(), input.new_starting_hash_key.unwrap_or_default());
        self.change(named, move |stream, transaction| {
            let shard = reshardable(stream, &id, &account_id)?;
            let (number, (start, end)) = (shard.number, (*shard.hashes.start(), *shard.hashes.end()));
            let at = key.parse::<u128>().ok().filter(|at| *at > start.saturating_add(1) && *at < end);
            let Some(at) = at else {
                return Err(invalid_argument(format!(
                    "NewStartingHashKey {key} used in SplitShard() on shard {} in stream {} under account {account_id} is not both greater than one plus the shard's StartingHashKey {start} and less than the shard's EndingHashKey {}.",
                    shard.id(),
                    stream.name,
                    end.saturating_sub(1)
                ))
                .into());
            };
            check_room(stream, 1, &account_id)?;
            split(transaction, stream, (number, at), now_ms)
        })
        .await
    }

    pub(super) async fn merge_shards(
        &self,
        context: &ServiceContext,
        input: types::MergeShardsInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let (account_id, now_ms) = (named.account_id.clone(), context.now_ms);
        let first = input.shard_to_merge.unwrap_or_default();
        let second = input.adjacent_shard_to_merge.unwrap_or_default();
        self.change(named, move |stream, transaction| {
            let one = reshardable(stream, &first, &account_id)?.clone();
            let other = reshardable(stream, &second, &account_id)?.clone();
            let are_neighbours = |low: &Shard, high: &Shard| low.hashes.end().checked_add(1) == Some(*high.hashes.start());
            if !are_neighbours(&one, &other) && !are_neighbours(&other, &one) {
                return Err(invalid_argument(format!(
                    "Shards {} and {} in stream {} under account {account_id} are not an adjacent pair of shards eligible for merging",
                    one.id(),
                    other.id(),
                    stream.name
                ))
                .into());
            }
            merge(transaction, stream, (one.number, other.number), now_ms)
        })
        .await
    }

    pub(super) async fn update_shard_count(
        &self,
        context: &ServiceContext,
        input: types::UpdateShardCountInput,
    ) -> Handled<types::UpdateShardCountOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let (account_id, arn, now_ms) = (named.account_id.clone(), named.arn.clone(), context.now_ms);
        let target = input.target_shard_count.unwrap_or_default();
        let (name, current) = self
            .change(named, move |stream, transaction| {
                let current = stream.open_shards().count();
                check_target(stream, current, target, &account_id)?;
                scale(transaction, stream, usize::try_from(target).unwrap_or(1), now_ms)?;
                Ok((stream.name.clone(), current))
            })
            .await?;
        Ok(types::UpdateShardCountOutput {
            stream_name: Some(name),
            current_shard_count: i64::try_from(current).ok(),
            target_shard_count: Some(target),
            stream_arn: Some(arn),
        })
    }
}

fn check_target(stream: &StreamRecord, current: usize, target: i64, account_id: &str) -> Handled<()> {
    if stream.is_on_demand {
        return Err(validation(format!(
            "Request is invalid. Stream {} under account {account_id} is in On-Demand mode.",
            stream.name
        )));
    }
    let current = i64::try_from(current).unwrap_or(i64::MAX);
    if target > limits::SHARDS_MAX {
        return Err(limit_exceeded(format!(
            "Target shard count or number of open shards cannot be greater than {}. Current open shard count: {current}, Target shard count: {target}",
            limits::SHARDS_MAX
        )));
    }
    if target > current.saturating_mul(2) {
        return Err(invalid_argument(format!(
            "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: {current}, Target shard count: {target}"
        )));
    }
    Ok(())
}

/// As AWS does it: all are split until there are enough, and then the smallest neighbours are merged until there are no more than wanted.
fn scale(
    transaction: &mut TableTransaction<'_>,
    stream: &mut StreamRecord,
    wanted: usize,
    now_ms: i64,
) -> Result<(), ChangeError> {
    while stream.open_shards().count() < wanted {
        let halves: Vec<_> =
            stream.open_shards().map(|shard| (shard.number, middle(&shard.hashes))).collect();
        for half in halves {
            split(transaction, stream, half, now_ms)?;
        }
    }
    loop {
        let mut open: Vec<_> =
            stream.open_shards().map(|shard| (shard.number, shard.hashes.clone())).collect();
        if open.len() <= wanted {
            return Ok(());
        }
        open.sort_by_key(|(_, hashes)| *hashes.start());
        let ranges: Vec<_> = open.iter().map(|(_, hashes)| hashes.clone()).collect();
        let Some(index) = smallest_neighbours(&ranges) else { return Ok(()) };
        let numbers = (open[index].0, open[index + 1].0);
        merge(transaction, stream, numbers, now_ms)?;
    }
}

fn split(
    transaction: &mut TableTransaction<'_>,
    stream: &mut StreamRecord,
    (number, at): (u32, u128),
    now_ms: i64,
) -> Result<(), ChangeError> {
    let Some(hashes) = stream.shard(number).map(|shard| shard.hashes.clone()) else { return Ok(()) };
    close(transaction, stream, number, now_ms)?;
    open_shard(transaction, stream, (vec![number], *hashes.start()..=at - 1), now_ms)?;
    open_shard(transaction, stream, (vec![number], at..=*hashes.end()), now_ms)
}

fn merge(
    transaction: &mut TableTransaction<'_>,
    stream: &mut StreamRecord,
    (one, other): (u32, u32),
    now_ms: i64,
) -> Result<(), ChangeError> {
    let (Some(first), Some(second)) = (stream.shard(one), stream.shard(other)) else { return Ok(()) };
    let start = *first.hashes.start().min(second.hashes.start());
    let end = *first.hashes.end().max(second.hashes.end());
    close(transaction, stream, one, now_ms)?;
    close(transaction, stream, other, now_ms)?;
    open_shard(transaction, stream, (vec![one, other], start..=end), now_ms)
}

/// Closes a shard, and tells who reads it.
fn close(
    transaction: &mut TableTransaction<'_>,
    stream: &mut StreamRecord,
    number: u32,
    now_ms: i64,
) -> Result<(), ChangeError> {
    if let Some(shard) = stream.shards.iter_mut().find(|shard| shard.number == number) {
        let last = append_log::last(transaction, shard.space)?.unwrap_or(shard.first);
        shard.closed = Some(Closed { at_ms: now_ms, last });
        transaction.wake(shard.space);
    }
    Ok(())
}

/// A shard that can be split or merged.
fn reshardable<'a>(stream: &'a StreamRecord, id: &str, account_id: &str) -> Handled<&'a Shard> {
    let found = number_of(id).and_then(|number| stream.shard(number));
    let shard = found.ok_or_else(|| {
        not_found(format!("Could not find shard {id} in stream {} under account {account_id}.", stream.name))
    })?;
    if shard.is_open() { Ok(shard) } else { Err(already_done(stream, shard, account_id)) }
}

fn already_done(stream: &StreamRecord, shard: &Shard, account_id: &str) -> ApiError {
    invalid_argument(format!(
        "Shard {} in stream {} under account {account_id} has already been merged or split, and thus is not eligible for merging or splitting.",
        shard.id(),
        stream.name
    ))
}

fn check_room(stream: &StreamRecord, more: usize, account_id: &str) -> Handled<()> {
    let open = stream.open_shards().count();
    match i64::try_from(open + more) {
        Ok(shards) if shards <= limits::SHARDS_MAX => Ok(()),
        _ => Err(limit_exceeded(format!(
            "This request would exceed the shard limit for the account {account_id}. Current shard count for the account: {open}. Limit: {}.",
            limits::SHARDS_MAX
        ))),
    }
}
