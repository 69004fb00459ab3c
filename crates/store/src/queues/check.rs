//! Holds the file against its checksums when it is opened: what is damaged is set aside and reported, and nothing that is whole is lost
//! beside it.
//!
//! ```text
//! not readable as a whole ──► moved aside (queues.db.damaged-N); what can be read of it goes into a new file
//! an entry without its bytes ──► quarantine
//! a turn without its bytes, or none of its entry ──► the entry's turn is now
//! a lane without its name ──► its entries know theirs
//! a turn too far in the future ──► now (the machine's clock was put back meanwhile)
//! ```

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::{
    entries::{self, Slot, Turn},
    lanes,
};
use crate::{
    StoreError,
    data_dir::sync_directory,
    error::at,
    quarantine::{self, beside},
    schema,
};

/// No turn is put off further than this, milliseconds: a message may be hidden for as long, and no event grows as old (A-04).
const DUE_MS_MAX: i64 = 12 * 60 * 60 * 1_000;

/// Sets a file aside that is not readable as a whole, and puts what can be read of it into a new one. What there is to report.
///
/// A file that is set aside is *done* once a file beside it says so: a server that was killed before is gone on with.
pub(super) fn salvage_unreadable(path: &Path) -> Result<Vec<String>, StoreError> {
    let mut reports = Vec::new();
    for aside in set_aside_and_not_done(path) {
        reports.push(salvage(path, &aside)?);
    }
    if path.exists() && is_damaged(path)? {
        let aside = quarantine::free_name(path);
        std::fs::rename(path, &aside).map_err(at(path))?;
        reports.push(salvage(path, &aside)?);
    }
    Ok(reports)
}

/// What marks a file that was set aside as salvaged.
const DONE: &str = ".salvaged";

fn set_aside_and_not_done(path: &Path) -> Vec<PathBuf> {
    quarantine::set_aside(path).filter(|aside| !beside(aside, DONE).exists()).collect()
}

fn salvage(path: &Path, aside: &Path) -> Result<String, StoreError> {
    let report = format!("{} could not be read as a whole, what could is kept", aside.display());
    tracing::error!(report, "the file of what waits is damaged");
    // Before there is a new file, which the old log must not be taken for the log of.
    for suffix in ["-wal", "-shm"] {
        let from = beside(path, suffix);
        if from.exists() && !path.exists() {
            std::fs::rename(&from, beside(aside, suffix)).map_err(at(&from))?;
        }
    }
    let mut new = Connection::open(path)?;
    schema::QUEUES.configure(&new)?;
    schema::QUEUES.migrate(&mut new)?;
    new.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    let with_new_schema = with_schema_of(path, aside)?;
    copy(&[aside, &with_new_schema], &mut new)?;
    remove_with_what_is_beside(&with_new_schema)?;
    let done = beside(aside, DONE);
    std::fs::write(&done, b"").map_err(at(&done))?;
    path.parent().map_or(Ok(()), sync_directory)?;
    Ok(report)
}

/// A copy of a damaged file that has the first page of a new one: if that is where the damage is, all the rest can be read.
fn with_schema_of(new: &Path, damaged: &Path) -> Result<PathBuf, StoreError> {
    const PAGE_BYTES: usize = 4_096;
    /// Where the header counts changes. It no longer fits what else is counted, so that the file's own size is believed.
    const CHANGE_COUNTER: std::ops::Range<usize> = 24..28;
    /// Where the header tells of pages that are free: nothing will be written.
    const FREE_PAGES: std::ops::Range<usize> = 32..40;
    let copy = beside(damaged, ".copy");
    let mut bytes = std::fs::read(damaged).map_err(at(damaged))?;
    let first = std::fs::read(new).map_err(at(new))?;
    if let (Some(page), Some(first)) = (bytes.get_mut(..PAGE_BYTES), first.get(..PAGE_BYTES)) {
        page.copy_from_slice(first);
        page[CHANGE_COUNTER].fill(0xff);
        page[FREE_PAGES].fill(0);
    }
    std::fs::write(&copy, bytes).map_err(at(&copy))?;
    let log = beside(damaged, "-wal");
    if log.exists() {
        std::fs::copy(&log, beside(&copy, "-wal")).map_err(at(&log))?;
    }
    Ok(copy)
}

fn remove_with_what_is_beside(path: &Path) -> Result<(), StoreError> {
    for suffix in ["-wal", "-shm", ""] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at(path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the file is not what SQLite wrote. That it cannot be read for another reason, such as a full disk, is an error: nothing is
/// wrong with it.
fn is_damaged(path: &Path) -> Result<bool, StoreError> {
    let check = || -> rusqlite::Result<bool> {
        let connection = Connection::open(path)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // Every page, and every index against its table.
        let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok(found != "ok" || (version == 0 && !is_empty(&connection)?))
    };
    match check() {
        Err(error) if is_of_the_machine(&error) => Err(error.into()),
        checked => Ok(checked.unwrap_or(true)),
    }
}

/// Whether the machine, and not the file, is at fault.
fn is_of_the_machine(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied, SystemIoFailure,
    };
    let code = error.sqlite_error_code();
    let of_the_machine =
        [CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied, SystemIoFailure];
    code.is_some_and(|code| of_the_machine.contains(&code))
}

/// Whether nothing was ever made in it.
fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Takes over what can be read: of each table the rows before the first that cannot, and those after the last.
fn copy(files: &[&Path], new: &mut Connection) -> Result<(), StoreError> {
    let transaction = new.transaction()?;
    for file in files {
        if let Ok(old) = Connection::open(file) {
            copy_tables(&old, &transaction);
        }
    }
    Ok(transaction.commit()?)
}

fn copy_tables(old: &Connection, new: &Connection) {
    for (table, order) in [
        ("lanes", "id"),
        ("entries", "id"),
        ("quarantine", "rowid"),
        ("schedule", "lane_id, due_at_ms, entry_id"),
        ("moved", "entry_id"),
        ("deduplication", "lane_id, key"),
    ] {
        for direction in ["ASC", "DESC"] {
            let order = order.replace(',', &format!(" {direction},"));
            // What cannot be read ends it; what can is there by then.
            let _ = copy_rows(old, new, table, &format!("{order} {direction}"));
        }
    }
}

fn copy_rows(old: &Connection, new: &Connection, table: &str, order: &str) -> rusqlite::Result<()> {
    let mut select = old.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
    let columns = select.column_count();
    let places = vec!["?"; columns].join(", ");
    let mut insert = new.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES ({places})"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()?;
        // A value that damage made another kind is not taken by the new file.
        let _ = insert.execute(params_from_iter(values));
    }
    Ok(())
}

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
