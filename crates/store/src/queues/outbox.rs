//! What targets are to be told: a lane each target, so that one that cannot be reached delays no other.

use lambda_model::invocation::asynchronous::Delivery;

use super::{
    QueueTransaction, Queues,
    entries::{self, Entry, Slot, Turn},
    events::not_written,
    lanes::{self, OUTBOX},
};
use crate::StoreError;

/// A claimed delivery.
#[derive(Debug)]
pub struct OutboxItem {
    /// What is to be told.
    pub delivery: Delivery,
    /// Attempts that failed.
    pub attempts: u32,
    slot: Slot,
}

/// Deliveries that could be claimed.
#[derive(Debug, Default)]
pub struct OutboxItems {
    /// These, now claimed.
    pub items: Vec<OutboxItem>,
    /// When the next that is not claimed is due, Unix time, milliseconds; `None` when there is none.
    pub next_due_ms: Option<i64>,
}

impl Queues {
    /// The targets that are to be told something: ARNs.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn targets(&self) -> Result<Vec<String>, StoreError> {
        let lanes = self.read(|connection| lanes::waiting(connection, OUTBOX)).await?;
        Ok(lanes.iter().filter_map(|lane| lane.strip_prefix(OUTBOX)).map(str::to_owned).collect())
    }

    /// Claims what a target is to be told by now, at most `max`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn claim_deliveries(
        &self,
        target: &str,
        now_ms: i64,
        max: usize,
    ) -> Result<OutboxItems, StoreError> {
        let lane = lanes::of_target(target);
        let Some(found) = self.claim_in(&lane, now_ms, max).await? else {
            return Ok(OutboxItems::default());
        };
        let mut items = Vec::with_capacity(found.entries.len());
        for (turn, entry) in found.entries {
            match decode(&turn, entry) {
                Some(item) => items.push(item),
                None => self.quarantine(turn.slot, target).await,
            }
        }
        Ok(OutboxItems { items, next_due_ms: found.next_due_ms })
    }

    /// Keeps a delivery that failed until the next attempt, or gives it up where there is none.
    ///
    /// # Errors
    /// When that could not be made durable: it is still claimed.
    pub async fn not_delivered(&self, item: &OutboxItem, due_at_ms: Option<i64>) -> Result<(), StoreError> {
        let (slot, attempts) = (item.slot, item.attempts.saturating_add(1));
        self.transact(move |transaction| match due_at_ms {
            Some(due_at_ms) => transaction.wait(slot, due_at_ms, attempts.to_string()),
            None => transaction.take_out(slot),
        })
        .await
    }
}

impl QueueTransaction<'_> {
    /// Takes a delivery from the outbox that is made with this transaction.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delivered(&mut self, item: &OutboxItem) -> Result<(), StoreError> {
        self.take_out(item.slot)?;
        tracing::trace!(target: "crash_point", "queue: a delivery is taken out");
        Ok(())
    }

    fn take_out(&mut self, slot: Slot) -> Result<(), StoreError> {
        entries::delete(self.connection, slot)?;
        self.settled.push(slot);
        Ok(())
    }

    /// Puts into the outbox what is to be told.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn deliver(&mut self, delivery: Delivery) -> Result<(), StoreError> {
        let target = delivery.target.clone();
        let due_at_ms = delivery.ended_at_ms;
        let header = serde_json::to_vec(&delivery).map_err(not_written)?;
        self.put(lanes::of_target(&target), header, delivery.body.into(), (due_at_ms, String::new()))?;
        self.delivery_waits(target);
        tracing::trace!(target: "crash_point", "queue: a delivery is put");
        Ok(())
    }
}

fn decode(turn: &Turn, entry: Entry) -> Option<OutboxItem> {
    let mut delivery: Delivery = serde_json::from_slice(&entry.header).ok()?;
    delivery.body = entry.body.into();
    let attempts = if turn.state.is_empty() { 0 } else { turn.state.parse().ok()? };
    Some(OutboxItem { delivery, attempts, slot: turn.slot })
}
