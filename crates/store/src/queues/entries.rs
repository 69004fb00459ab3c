//! Entries and their turns: the SQL, and the checksums over every byte of a row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::StoreError;

/// An entry's place in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) lane_id: i64,
    pub(super) due_at_ms: i64,
    pub(super) entry_id: i64,
}

/// A turn: a place with what became of the entry so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) slot: Slot,
    pub(super) state: String,
}

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// The name of its lane.
    pub(super) lane: String,
    pub(super) header: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Entry {
    pub(super) fn checksum(&self) -> i64 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.id.to_le_bytes());
        for part in [self.lane.as_bytes(), &self.header, &self.body] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        i64::from(hasher.finalize())
    }
}

impl Turn {
    pub(super) fn checksum(&self) -> i64 {
        let Slot { lane_id, due_at_ms, entry_id } = self.slot;
        let mut hasher = crc32fast::Hasher::new();
        [lane_id, due_at_ms, entry_id].iter().for_each(|number| hasher.update(&number.to_le_bytes()));
        hasher.update(self.state.as_bytes());
        i64::from(hasher.finalize())
    }
}

/// Puts an entry with its turn.
pub(super) fn put(connection: &Connection, entry: &Entry, turn: &Turn) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO entries (id, lane, header, body, checksum) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![entry.id, entry.lane, entry.header, entry.body, entry.checksum()])?;
    tracing::trace!(target: "crash_point", "entries: an entry is written");
    put_turn(connection, turn)
}

/// Says when an entry's turn is.
pub(super) fn put_turn(connection: &Connection, turn: &Turn) -> Result<(), StoreError> {
    let Slot { lane_id, due_at_ms, entry_id } = turn.slot;
    connection
        .prepare_cached(
            "INSERT INTO schedule (lane_id, due_at_ms, entry_id, state, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![lane_id, due_at_ms, entry_id, turn.state, turn.checksum()])?;
    tracing::trace!(target: "crash_point", "entries: a turn is written");
    Ok(())
}

/// Takes a turn away. False when there was none.
pub(super) fn delete_turn(connection: &Connection, slot: Slot) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM schedule WHERE lane_id = ?1 AND due_at_ms = ?2 AND entry_id = ?3")?;
    Ok(statement.execute(params![slot.lane_id, slot.due_at_ms, slot.entry_id])? > 0)
}

/// Takes an entry away with its turn. False when it was gone.
pub(super) fn delete(connection: &Connection, slot: Slot) -> Result<bool, StoreError> {
    let existed = delete_turn(connection, slot)?;
    tracing::trace!(target: "crash_point", "entries: a turn is deleted");
    connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([slot.entry_id])?;
    tracing::trace!(target: "crash_point", "entries: an entry is deleted");
    Ok(existed)
}

/// The turns of a lane that have come, at most `max`, the oldest first.
pub(super) fn due(
    connection: &Connection,
    lane_id: i64,
    now_ms: i64,
    max: usize,
) -> Result<Vec<Turn>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at_ms, entry_id, state FROM schedule WHERE lane_id = ?1 AND due_at_ms <= ?2
         ORDER BY due_at_ms, entry_id LIMIT ?3",
    )?;
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let turns = statement.query_map(params![lane_id, now_ms, limit], |row| {
        Ok(Turn { slot: Slot { lane_id, due_at_ms: row.get(0)?, entry_id: row.get(1)? }, state: row.get(2)? })
    })?;
    Ok(turns.collect::<Result<_, _>>()?)
}

/// When the first turn after now comes.
pub(super) fn next_due(
    connection: &Connection,
    lane_id: i64,
    now_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at_ms FROM schedule WHERE lane_id = ?1 AND due_at_ms > ?2 ORDER BY due_at_ms LIMIT 1",
    )?;
    Ok(statement.query_row(params![lane_id, now_ms], |row| row.get(0)).optional()?)
}

/// An entry, or that it is not what was put there, or gone.
pub(super) fn get(connection: &Connection, id: i64) -> Result<Option<Entry>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, lane, header, body, checksum FROM entries WHERE id = ?1")?;
    let found = statement.query_row([id], |row| Ok(whole(row))).optional()?;
    Ok(found.flatten())
}

/// The entry of a row with its columns in their order, if it is what was put there.
pub(super) fn whole(row: &Row<'_>) -> Option<Entry> {
    let read = || -> rusqlite::Result<(Entry, i64)> {
        let entry = Entry { id: row.get(0)?, lane: row.get(1)?, header: row.get(2)?, body: row.get(3)? };
        Ok((entry, row.get(4)?))
    };
    read().ok().filter(|(entry, checksum)| entry.checksum() == *checksum).map(|(entry, _)| entry)
}

/// Sets an entry aside, as it is, with its turn.
pub(super) fn set_aside(connection: &Connection, slot: Slot) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO quarantine SELECT * FROM entries WHERE id = ?1")?
        .execute([slot.entry_id])?;
    delete(connection, slot).map(drop)
}

/// The highest number that is taken.
pub(super) fn last_id(connection: &Connection) -> Result<i64, StoreError> {
    let last = connection.query_row("SELECT max(id) FROM entries", [], |row| row.get(0));
    Ok(last.map(|last: Option<i64>| last.unwrap_or(0))?)
}
