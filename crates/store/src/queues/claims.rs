//! Claims: who works on what. In memory only.

use lambda_model::error::with_causes;

use super::{
    Queues,
    entries::{self, Entry, Slot, Turn},
};
use crate::StoreError;

/// What could be claimed of a lane.
pub(super) struct Found {
    pub(super) entries: Vec<(Turn, Entry)>,
    /// When the next turn comes that is not claimed.
    pub(super) next_due_ms: Option<i64>,
}

/// What a look at the lane gave.
struct Looked {
    due: Vec<Turn>,
    entries: Vec<Option<Entry>>,
    next_due_ms: Option<i64>,
}

impl Queues {
    /// Claims what is due of a lane, at most `max`; `None` of a lane that there never was. One at a time looks at a lane.
    pub(super) async fn claim_in(
        &self,
        lane: &str,
        now_ms: i64,
        max: usize,
    ) -> Result<Option<Found>, StoreError> {
        let Some(lane_id) = self.lane_id(lane) else { return Ok(None) };
        // What is given back while this looks may be gone by then: it is left out until the next look.
        let claimed: Vec<i64> =
            self.claims().get(&lane_id).map(|claims| claims.keys().copied().collect()).unwrap_or_default();
        let looked = self.read(move |connection| look(connection, lane_id, now_ms, max, &claimed)).await?;
        tracing::trace!(target: "crash_point", "claims: the lane is read");
        let mut found = Found { entries: Vec::with_capacity(max), next_due_ms: looked.next_due_ms };
        for (turn, entry) in looked.due.into_iter().zip(looked.entries) {
            match entry {
                Some(entry) => found.entries.push((turn, entry)),
                None => self.quarantine(turn.slot, lane).await,
            }
        }
        let mut claims = self.claims();
        let claims = claims.entry(lane_id).or_default();
        for (turn, entry) in &found.entries {
            claims.insert(entry.id, turn.slot);
        }
        tracing::trace!(target: "crash_point", "claims: are made");
        Ok(Some(found))
    }

    /// Where a claimed entry is; `None` of one that was settled, or forgotten with everything else.
    pub(super) fn claimed_slot(&self, lane: &str, entry_id: i64) -> Option<Slot> {
        self.lane_id(lane).and_then(|id| self.claims().get(&id)?.get(&entry_id).copied())
    }

    /// Gives a claim back.
    pub(super) fn release(&self, slot: Slot) {
        let mut claims = self.claims();
        if let Some(of_lane) = claims.get_mut(&slot.lane_id) {
            of_lane.remove(&slot.entry_id);
            if of_lane.is_empty() {
                claims.remove(&slot.lane_id);
            }
        }
    }

    /// Sets an entry aside that is not what was put there. If that cannot be written it stays where it is until it is next looked at.
    pub(super) async fn quarantine(&self, slot: Slot, whose: &str) {
        self.report_damage(format!("what waited for {whose}, number {}", slot.entry_id));
        if let Err(error) = self.write(move |connection| entries::set_aside(connection, slot), |()| ()).await
        {
            tracing::error!(error = with_causes(&error), "it could not be set aside");
        }
        self.release(slot);
    }
}

fn look(
    connection: &rusqlite::Connection,
    lane_id: i64,
    now_ms: i64,
    max: usize,
    claimed: &[i64],
) -> Result<Looked, StoreError> {
    let mut due = entries::due(connection, lane_id, now_ms, max.saturating_add(claimed.len()))?;
    due.retain(|turn| claimed.binary_search(&turn.slot.entry_id).is_err());
    let next_due_ms = match due.get(max) {
        Some(beyond) => Some(beyond.slot.due_at_ms),
        // There may be more than were looked at.
        None if due.len() == max => Some(now_ms),
        None => entries::next_due(connection, lane_id, now_ms)?,
    };
    due.truncate(max);
    let entries = due.iter().map(|turn| entries::get(connection, turn.slot.entry_id));
    Ok(Looked { entries: entries.collect::<Result<_, _>>()?, due, next_due_ms })
}
