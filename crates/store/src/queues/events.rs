//! Asynchronous invocations: a lane each function.

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    function::FunctionKey,
    invocation::asynchronous::{AsyncEvent, Delivery, EventId, Progress, Settlement},
    ports::{AsyncInvocationQueue, BoxFuture, Claimed, ClaimedEvent},
};
use serde::{Deserialize, Serialize};

use super::{
    QueueTransaction, Queues,
    entries::{self, Entry, Slot, Turn},
    lanes::{self, EVENTS},
};
use crate::StoreError;

/// What is kept of an event beside its payload and its function.
#[derive(Serialize, Deserialize)]
struct Header {
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    accepted_at_ms: i64,
}

impl AsyncInvocationQueue for Queues {
    fn accept(&self, event: AsyncEvent) -> BoxFuture<'_, Result<(), LambdaError>> {
        Box::pin(self.transact(move |transaction| Ok(transaction.accept(event)?)))
    }

    fn functions(&self) -> BoxFuture<'_, Result<Vec<FunctionKey>, LambdaError>> {
        Box::pin(async move {
            let lanes = self.read(|connection| lanes::waiting(connection, EVENTS)).await?;
            Ok(lanes.iter().filter_map(|lane| lanes::function(lane)).collect())
        })
    }

    fn claim<'a>(
        &'a self,
        key: &'a FunctionKey,
        now_ms: i64,
        max: usize,
    ) -> BoxFuture<'a, Result<Claimed, LambdaError>> {
        Box::pin(async move {
            let Some(found) = self.claim_in(&lanes::of_events(key), now_ms, max).await? else {
                return Ok(Claimed::default());
            };
            let mut events = Vec::with_capacity(found.entries.len());
            for (turn, entry) in found.entries {
                match decode(key, &entry, &turn) {
                    Some(event) => events.push(event),
                    None => self.quarantine(turn.slot, &key.arn()).await,
                }
            }
            Ok(Claimed { events, next_due_ms: found.next_due_ms })
        })
    }

    fn settle(
        &self,
        key: &FunctionKey,
        event: EventId,
        settlement: Settlement,
    ) -> BoxFuture<'_, Result<(), LambdaError>> {
        let lane = lanes::of_events(key);
        Box::pin(async move {
            let Some(slot) = self.claimed_slot(&lane, event.0) else { return Ok(()) };
            match settlement {
                Settlement::Waits { due_at_ms, progress } => {
                    let state = serde_json::to_string(&progress).map_err(not_written)?;
                    self.transact(move |transaction| transaction.wait(slot, due_at_ms, state)).await?;
                }
                Settlement::Ended(deliveries) => {
                    self.transact(move |transaction| transaction.end(slot, deliveries)).await?;
                }
            }
            Ok(())
        })
    }
}

impl QueueTransaction<'_> {
    /// Puts a turn off.
    pub(super) fn wait(&mut self, slot: Slot, due_at_ms: i64, state: String) -> Result<(), StoreError> {
        entries::delete_turn(self.connection, slot)?;
        entries::put_turn(self.connection, &Turn { slot: Slot { due_at_ms, ..slot }, state })?;
        self.settled.push(slot);
        tracing::trace!(target: "crash_point", "queue: a turn is put off");
        Ok(())
    }

    /// Deletes an event and puts into the outbox what is to be told of it.
    fn end(&mut self, slot: Slot, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
        entries::delete(self.connection, slot)?;
        self.settled.push(slot);
        tracing::trace!(target: "crash_point", "queue: an event that has ended is deleted");
        deliveries.into_iter().try_for_each(|delivery| self.deliver(delivery))
    }
}

pub(super) fn encode(event: AsyncEvent) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let header = Header {
        request_id: event.request_id,
        qualifier: event.qualifier,
        trace_id: event.trace_id,
        accepted_at_ms: event.accepted_at_ms,
    };
    let header = serde_json::to_vec(&header).map_err(not_written)?;
    Ok((header, event.payload.into()))
}

fn decode(key: &FunctionKey, entry: &Entry, turn: &Turn) -> Option<ClaimedEvent> {
    let header: Header = serde_json::from_slice(&entry.header).ok()?;
    let progress = match turn.state.as_str() {
        "" => Progress::default(),
        state => serde_json::from_str(state).ok()?,
    };
    let event = AsyncEvent {
        request_id: header.request_id,
        key: key.clone(),
        qualifier: header.qualifier,
        payload: Bytes::copy_from_slice(&entry.body),
        trace_id: header.trace_id,
        accepted_at_ms: header.accepted_at_ms,
    };
    Some(ClaimedEvent { id: EventId(entry.id), event, progress })
}

pub(super) fn not_written(error: serde_json::Error) -> StoreError {
    StoreError::NotWritten(error.to_string())
}
