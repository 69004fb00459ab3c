//! What happened to objects: put down with it, kept until it was handed over.

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError};

/// An event under a number that no other event ever has, and that is higher than those of earlier events.
pub type WaitingEvent = (i64, Vec<u8>);

impl Store {
    /// The oldest events that wait, at most `max`. Those that are not what was put down are set aside, and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn waiting_object_events(&self, max: usize) -> Result<Vec<WaitingEvent>, StoreError> {
        let (whole, damaged) = self.read(move |connection| waiting(connection, max)).await?;
        if !damaged.is_empty() {
            let described: Vec<StoreError> = damaged.iter().map(|id| damaged_event(*id)).collect();
            self.writer().write(move |connection| set_aside(connection, &damaged), |()| ()).await?;
            described.iter().for_each(|error| self.damaged_records().notice(error));
        }
        Ok(whole)
    }

    /// Forgets events that were handed over.
    ///
    /// # Errors
    /// When that could not be made durable.
    pub async fn forget_object_events(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.writer().write(move |connection| delete(connection, &ids), |()| ()).await
    }
}

fn damaged_event(id: i64) -> StoreError {
    StoreError::DamagedDocument { document: describe(id), what: "does not match its checksum" }
}

/// How messages name an event.
pub(crate) fn describe(id: i64) -> String {
    format!("s3 event {id}")
}

pub(super) fn insert(connection: &Connection, event: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO s3_events (document, checksum) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![event, Sha256::digest(event).as_slice()])?;
    Ok(())
}

fn delete(connection: &Connection, ids: &[i64]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM s3_events WHERE id = ?1")?;
    ids.iter().try_for_each(|id| statement.execute([id]).map(drop))?;
    Ok(())
}

fn set_aside(connection: &Connection, ids: &[i64]) -> Result<(), StoreError> {
    let sql = "INSERT INTO quarantined_s3_events SELECT id, document, checksum FROM s3_events WHERE id = ?1";
    ids.iter().try_for_each(|id| connection.execute(sql, [id]).map(drop))?;
    delete(connection, ids)
}

/// The oldest, and the numbers of those among them that are damaged.
fn waiting(connection: &Connection, max: usize) -> Result<(Vec<WaitingEvent>, Vec<i64>), StoreError> {
    let sql = "SELECT id, CAST(document AS BLOB), CAST(checksum AS BLOB) FROM s3_events ORDER BY id LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([i64::try_from(max).unwrap_or(i64::MAX)])?;
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (id, document, checksum): (i64, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match Sha256::digest(&document).as_slice() == checksum {
            true => whole.push((id, document)),
            false => damaged.push(id),
        }
    }
    Ok((whole, damaged))
}
