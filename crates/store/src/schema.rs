//! The database's schema: migrations in order, each applied once, in one transaction with the version that it leads to.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::StoreError;

/// What a database file is made of.
pub(crate) struct Schema {
    migrations: &'static [&'static str],
    /// Pages of the write-ahead log after which it is taken over into the file.
    checkpoint_pages: i64,
}

/// Functions, and documents of everything else.
pub(crate) const RESOURCES: Schema = Schema {
    migrations: &[
        include_str!("schema/0001_initial.sql"),
        include_str!("schema/0002_documents.sql"),
        include_str!("schema/0003_s3.sql"),
        include_str!("schema/0004_s3_events.sql"),
    ],
    checkpoint_pages: 1_000,
};

/// What waits for something. Much is written, and soon deleted: taken over seldom, most of it never reaches the file.
pub(crate) const QUEUES: Schema = Schema {
    migrations: &[
        include_str!("schema/queues/0001_initial.sql"),
        include_str!("schema/queues/0002_messages.sql"),
        include_str!("schema/queues/0003_appointments.sql"),
        include_str!("schema/queues/0004_checkpoints.sql"),
    ],
    checkpoint_pages: 8_000,
};

/// Tables of items.
pub(crate) const TABLES: Schema = Schema {
    migrations: &[
        include_str!("schema/tables/0001_initial.sql"),
        include_str!("schema/tables/0002_backups.sql"),
        include_str!("schema/tables/0003_jobs.sql"),
    ],
    checkpoint_pages: 1_000,
};

/// Statements that a connection keeps prepared.
const PREPARED_STATEMENTS_MAX: usize = 128;

impl Schema {
    /// Settings that every connection that writes needs: nothing acknowledged is lost to a crash or a power cut.
    pub(crate) fn configure(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "wal_autocheckpoint", self.checkpoint_pages)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS_MAX);
        Ok(())
    }

    /// Whether the tables of a database are those of a version: damage may be in their names too. Of a newer version nobody knows here.
    pub(crate) fn is_that_of(&self, connection: &Connection, version: i64) -> rusqlite::Result<bool> {
        let Some(migrations) = usize::try_from(version).ok().and_then(|count| self.migrations.get(..count))
        else {
            return Ok(true);
        };
        let expected = Connection::open_in_memory()?;
        migrations.iter().try_for_each(|migration| expected.execute_batch(migration))?;
        Ok(definitions(connection)? == definitions(&expected)?)
    }

    /// Brings the database to the newest version.
    pub(crate) fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let known = self.migrations.len() as i64;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > known {
            return Err(StoreError::NewerSchema { found, known });
        }
        for (index, migration) in self.migrations.iter().enumerate().skip(usize::try_from(found).unwrap_or(0))
        {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", index as i64 + 1)?;
            transaction.commit()?;
        }
        Ok(())
    }
}

/// What defines each table, index and trigger.
fn definitions(connection: &Connection) -> rusqlite::Result<BTreeSet<(String, String, Option<String>)>> {
    // What SQLite keeps for itself comes and goes with its planner.
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests;
