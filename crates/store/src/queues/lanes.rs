//! Lanes: what waits for the same one.

use std::collections::HashMap;

use lambda_model::function::FunctionKey;
use rusqlite::{Connection, OptionalExtension};

use crate::StoreError;

/// Names of the lanes of functions' events begin so.
pub(super) const EVENTS: &str = "events/";
/// Names of the lanes of what targets are to be told begin so.
pub(super) const OUTBOX: &str = "outbox/";

/// The lane of a function's events.
pub(super) fn of_events(key: &FunctionKey) -> String {
    let FunctionKey { account_id, region, name } = key;
    format!("{EVENTS}{account_id}/{region}/{name}")
}

/// The lane of what a target is to be told.
pub(super) fn of_target(target: &str) -> String {
    format!("{OUTBOX}{target}")
}

/// The function whose events wait in the lane.
pub(super) fn function(lane: &str) -> Option<FunctionKey> {
    let mut parts = lane.strip_prefix(EVENTS)?.splitn(3, '/').map(str::to_owned);
    Some(FunctionKey { account_id: parts.next()?, region: parts.next()?, name: parts.next()? })
}

/// The id of a lane, also of one that this transaction, or one before it that is not on disk yet, has made.
pub(super) fn find(connection: &Connection, lane: &str) -> Result<Option<i64>, StoreError> {
    let mut find = connection.prepare_cached("SELECT id FROM lanes WHERE name = ?1")?;
    Ok(find.query_row([lane], |row| row.get(0)).optional()?)
}

/// The id of a lane, which is made where there is none. In a transaction.
pub(super) fn id(connection: &Connection, lane: &str) -> Result<i64, StoreError> {
    if let Some(id) = find(connection, lane)? {
        return Ok(id);
    }
    connection.prepare_cached("INSERT INTO lanes (name) VALUES (?1)")?.execute([lane])?;
    Ok(connection.last_insert_rowid())
}

/// Every lane with its id. One whose name is damaged is none.
pub(super) fn all(connection: &Connection) -> Result<HashMap<String, i64>, StoreError> {
    let mut statement = connection.prepare("SELECT name, id FROM lanes")?;
    let lanes = statement.query_map([], |row| Ok(row.get(0).ok().zip(row.get(1).ok())))?;
    Ok(lanes.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

/// The lanes of a kind in which something waits.
pub(super) fn waiting(connection: &Connection, kind: &'static str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM lanes WHERE substr(name, 1, length(?1)) = ?1
         AND EXISTS (SELECT 1 FROM schedule WHERE schedule.lane_id = lanes.id) ORDER BY id",
    )?;
    let lanes = statement.query_map([kind], |row| row.get(0))?;
    Ok(lanes.collect::<Result<_, _>>()?)
}
