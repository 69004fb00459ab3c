//! How far each shard is read, as it is kept: JSON in the store's checkpoints.

use std::collections::BTreeMap;

use lambda_model::{
    LambdaError,
    error::with_causes,
    event_source_mapping::stream::{Lane, lanes::Division},
    invocation::asynchronous::Delivery,
    ports::StreamShard,
};
use serde::Serialize;
use store::{Checkpoint, QueueTransaction, Queues, StoreError};

/// What is kept of a shard.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Kept {
    /// How it is divided; `None` where nothing is known of it.
    pub division: Option<Division>,
    /// Its lanes, as far as they are known.
    pub lanes: BTreeMap<u32, Lane>,
}

/// What is kept for a mapping, shard by shard.
pub(super) async fn read(queues: &Queues, mapping: &str) -> Result<BTreeMap<String, Kept>, LambdaError> {
    let mut shards: BTreeMap<String, Kept> = BTreeMap::new();
    for Checkpoint { shard, lane, state, .. } in queues.checkpoints(mapping).await? {
        let kept = shards.entry(shard).or_default();
        match lane {
            None => kept.division = serde_json::from_slice(&state).ok(),
            Some(lane) => kept.lanes.extend(serde_json::from_slice(&state).ok().map(|state| (lane, state))),
        }
    }
    Ok(shards)
}

/// Has a new mapping begin behind what there is (`LATEST`).
///
/// # Errors
/// When that could not be made durable.
pub(crate) async fn start_behind(
    queues: &Queues,
    mapping: &str,
    shards: &[StreamShard],
) -> Result<(), LambdaError> {
    let (mapping, shards) = (mapping.to_owned(), shards.to_vec());
    let start = move |transaction: &mut QueueTransaction<'_>| -> Result<(), LambdaError> {
        for shard in &shards {
            let division = Division { is_done: !shard.is_open, ..Division::of(1) };
            put_all(transaction, (&mapping, &shard.checkpoint()), &division, &[Lane::at(shard.end)])?;
        }
        Ok(())
    };
    queues.transact(start).await
}

/// Forgets what is kept for a mapping that is gone.
pub(crate) async fn forget(queues: &Queues, mapping: &str) {
    let named = mapping.to_owned();
    let forgotten: Result<(), StoreError> =
        queues.transact(move |transaction| transaction.delete_checkpoints_of(&named)).await;
    if let Err(error) = forgotten {
        let error = with_causes(&error);
        tracing::warn!(mapping, error, "what is kept of a mapping that is gone could not be forgotten");
    }
}

/// Keeps a shard anew, as a whole.
pub(super) async fn keep_all(
    queues: &Queues,
    (mapping, shard): (&str, &str),
    division: &Division,
    lanes: &[Lane],
) -> Result<(), LambdaError> {
    let (mapping, shard) = (mapping.to_owned(), shard.to_owned());
    let (division, lanes) = (division.clone(), lanes.to_vec());
    queues.transact(move |transaction| put_all(transaction, (&mapping, &shard), &division, &lanes)).await
}

/// Forgets a shard that is gone.
pub(super) async fn forget_shard(queues: &Queues, mapping: &str, shard: &str) -> Result<(), LambdaError> {
    let (mapping, shard) = (mapping.to_owned(), shard.to_owned());
    let forget = move |transaction: &mut QueueTransaction<'_>| -> Result<(), LambdaError> {
        Ok(transaction.delete_checkpoints(&mapping, &shard)?)
    };
    queues.transact(forget).await
}

/// Keeps a lane, and has told what is to be told of it, both or neither.
pub(super) async fn keep_lane(
    queues: &Queues,
    (mapping, shard, index): (&str, &str, u32),
    lane: &Lane,
    told: Option<Delivery>,
) -> Result<(), LambdaError> {
    let checkpoint = checkpoint((mapping, shard), Some(index), lane)?;
    let keep = move |transaction: &mut QueueTransaction<'_>| -> Result<(), LambdaError> {
        transaction.put_checkpoint(&checkpoint)?;
        Ok(told.map_or(Ok(()), |told| transaction.deliver(told))?)
    };
    queues.transact(keep).await
}

fn put_all(
    transaction: &mut QueueTransaction<'_>,
    names: (&str, &str),
    division: &Division,
    lanes: &[Lane],
) -> Result<(), LambdaError> {
    transaction.delete_checkpoints(names.0, names.1)?;
    transaction.put_checkpoint(&checkpoint(names, None, division)?)?;
    for (index, lane) in (0..).zip(lanes) {
        transaction.put_checkpoint(&checkpoint(names, Some(index), lane)?)?;
    }
    Ok(())
}

fn checkpoint(
    (mapping, shard): (&str, &str),
    lane: Option<u32>,
    state: &impl Serialize,
) -> Result<Checkpoint, LambdaError> {
    let state = serde_json::to_vec(state).map_err(|error| LambdaError::Service(error.to_string()))?;
    Ok(Checkpoint { mapping: mapping.to_owned(), shard: shard.to_owned(), lane, state })
}
