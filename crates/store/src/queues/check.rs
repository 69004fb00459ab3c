//! Holds the file against its checksums when it is opened: what is damaged is set aside and reported, and nothing that is whole is lost
//! beside it.
//!
//! ```text
//! an entry without its bytes ──► quarantine
//! a turn without its bytes, or none of its entry ──► the entry's turn is now
//! a lane without its name ──► its entries know theirs
//! a turn too far in the future ──► now (the machine's clock was put back meanwhile)
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Row};

use super::{
    entries::{self, Slot, Turn},
    lanes,
};
use crate::StoreError;

/// No turn is put off further than this, milliseconds: a message may be hidden for as long, and no event grows as old (A-04).
const DUE_MS_MAX: i64 = 12 * 60 * 60 * 1_000;

/// Sets damaged entries aside, and gives every whole one a turn in its own lane. What there is to report.
pub(super) fn check(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let transaction = connection.transaction()?;
    let mut damaged = already_set_aside(&transaction)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let turns = check_turns(&transaction, now_ms)?;
    let found = check_entries(&transaction, turns)?;
    for slot in found.wrong_turns {
        entries::delete_turn(&transaction, slot)?;
    }
    for (entry_id, lane, turn) in found.without_turn {
        tracing::error!(entry_id, "something that waited had no turn, and has one now");
        let lane_id = lanes::id(&transaction, &lane)?;
        let (due_at_ms, state) =
            turn.map_or((now_ms, String::new()), |turn| (turn.slot.due_at_ms, turn.state));
        entries::put_turn(&transaction, &Turn { slot: Slot { lane_id, due_at_ms, entry_id }, state })?;
    }
    for slot in found.broken {
        entries::set_aside(&transaction, slot)?;
        damaged.push(describe(slot.entry_id));
    }
    tracing::trace!(target: "crash_point", "open: what does not fit is mended");
    transaction.commit()?;
    Ok(damaged)
}

fn already_set_aside(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT id FROM quarantine")?;
    let ids = statement.query_map([], |row| Ok(describe(row.get(0).unwrap_or(0))))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn describe(id: i64) -> String {
    format!("what waited as number {id}")
}

/// The turns that are whole, in the order of their entries, none of them too far in the future. If there are others, the table is made
/// anew: what is damaged may not be where it is looked for.
fn check_turns(connection: &Connection, now_ms: i64) -> Result<Vec<Turn>, StoreError> {
    let mut statement =
        connection.prepare("SELECT lane_id, due_at_ms, entry_id, state, checksum FROM schedule")?;
    let mut rows = statement.query([])?;
    let (mut turns, mut is_wrong) = (Vec::new(), false);
    while let Some(row) = rows.next()? {
        let Some(mut turn) = whole_turn(row) else {
            is_wrong = true;
            continue;
        };
        // What was never attempted is due since it was accepted.
        let wait_ms_max = if turn.state.is_empty() { 0 } else { DUE_MS_MAX };
        if turn.slot.due_at_ms - now_ms > wait_ms_max {
            turn.slot.due_at_ms = now_ms;
            is_wrong = true;
        }
        turns.push(turn);
    }
    turns.sort_unstable_by_key(|turn| turn.slot.entry_id);
    turns.dedup_by_key(|turn| turn.slot.entry_id);
    if is_wrong {
        connection.execute("DELETE FROM schedule", [])?;
        turns.iter().try_for_each(|turn| entries::put_turn(connection, turn))?;
    }
    Ok(turns)
}

fn whole_turn(row: &Row<'_>) -> Option<Turn> {
    let slot = Slot { lane_id: row.get(0).ok()?, due_at_ms: row.get(1).ok()?, entry_id: row.get(2).ok()? };
    let turn = Turn { slot, state: row.get(3).ok()? };
    (row.get(4) == Ok(turn.checksum())).then_some(turn)
}

/// What does not fit together.
#[derive(Default)]
struct Misfits {
    /// Entries that are not what was put there.
    broken: Vec<Slot>,
    /// Entries that have no turn in their lane, the lane, and their turn in another.
    without_turn: Vec<(i64, String, Option<Turn>)>,
    /// Turns of no entry, or in another lane than its own.
    wrong_turns: Vec<Slot>,
}

/// Goes through the entries and their turns, both in the order of their numbers.
fn check_entries(connection: &Connection, turns: Vec<Turn>) -> Result<Misfits, StoreError> {
    let lanes = lanes::all(connection)?;
    let mut statement =
        connection.prepare("SELECT id, lane, header, body, checksum FROM entries ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut found = Misfits::default();
    let mut turns = turns.into_iter().peekable();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        while let Some(orphan) = turns.next_if(|turn| turn.slot.entry_id < id) {
            found.wrong_turns.push(orphan.slot);
        }
        let turn = turns.next_if(|turn| turn.slot.entry_id == id);
        let Some(entry) = entries::whole(row) else {
            let nowhere = Slot { lane_id: 0, due_at_ms: 0, entry_id: id };
            found.broken.push(turn.map_or(nowhere, |turn| turn.slot));
            continue;
        };
        if turn.as_ref().is_some_and(|turn| lanes.get(&entry.lane) == Some(&turn.slot.lane_id)) {
            continue;
        }
        found.wrong_turns.extend(turn.as_ref().map(|turn| turn.slot));
        found.without_turn.push((id, entry.lane, turn));
    }
    found.wrong_turns.extend(turns.map(|turn| turn.slot));
    Ok(found)
}
