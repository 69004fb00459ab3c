//! When schedules are due next: kept beside what they have delivered, so that one transaction does both.

use rusqlite::{Connection, params};

use super::{QueueTransaction, Queues};
use crate::StoreError;

/// When something is due that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Names it.
    pub name: String,
    /// When it was made: one of the same name that is made anew has another. Unix time, milliseconds.
    pub since_ms: i64,
    /// When it is due next: Unix time, milliseconds. Far from now where that is never.
    pub due_at_ms: i64,
}

impl Appointment {
    fn checksum(&self) -> i64 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.name.as_bytes());
        hasher.update(&self.since_ms.to_le_bytes());
        hasher.update(&self.due_at_ms.to_le_bytes());
        i64::from(hasher.finalize())
    }
}

impl Queues {
    /// All of them, by name; and the names of those that are damaged, which are reported too.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn appointments(&self) -> Result<(Vec<Appointment>, Vec<String>), StoreError> {
        let (whole, damaged) = self.read(all).await?;
        damaged.iter().for_each(|name| self.report_damage(format!("when {name} is due")));
        Ok((whole, damaged))
    }
}

impl QueueTransaction<'_> {
    /// Keeps when something is due, over what was kept under its name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn appoint(&mut self, appointment: &Appointment) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO appointments (name, since_ms, due_at_ms, checksum) VALUES (?1, ?2, ?3, ?4)";
        let Appointment { name, since_ms, due_at_ms } = appointment;
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![name, since_ms, due_at_ms, appointment.checksum()])?;
        tracing::trace!(target: "crash_point", "queue: an appointment is kept");
        Ok(())
    }

    /// Forgets it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn cancel(&mut self, name: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM appointments WHERE name = ?1")?.execute([name])?;
        Ok(())
    }
}

/// Those that are whole, and the names of the others.
fn all(connection: &Connection) -> Result<(Vec<Appointment>, Vec<String>), StoreError> {
    let sql = "SELECT CAST(name AS TEXT), CAST(since_ms AS INTEGER), CAST(due_at_ms AS INTEGER), CAST(checksum AS INTEGER)
        FROM appointments ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let Ok(name) = row.get(0) else { continue };
        let appointment = Appointment { name, since_ms: row.get(1)?, due_at_ms: row.get(2)? };
        match row.get::<_, i64>(3)? == appointment.checksum() {
            true => whole.push(appointment),
            false => damaged.push(appointment.name),
        }
    }
    Ok((whole, damaged))
}
