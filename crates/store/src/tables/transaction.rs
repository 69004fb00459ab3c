//! Changes of tables: whatever is put and deleted in one transaction happens wholly or not at all.

use std::{
    collections::BTreeSet,
    ops::{ControlFlow, Deref},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    NO_SPACE, TableKey, Tables,
    rows::{Row, TableView, arn_checksum, description_checksum, row_checksum},
};
use crate::StoreError;

/// Reads and writes on the writer's thread.
pub struct TableTransaction<'a> {
    view: TableView<'a>,
    pub(super) appended: BTreeSet<i64>,
}

impl<'a> Deref for TableTransaction<'a> {
    type Target = TableView<'a>;

    fn deref(&self) -> &TableView<'a> {
        &self.view
    }
}

impl<'a> TableTransaction<'a> {
    pub(super) fn new(connection: &'a Connection, tables: &'a Tables) -> Self {
        Self { view: TableView::new(connection, tables), appended: BTreeSet::new() }
    }

    /// Keeps a table's description, over what was kept of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_table(&mut self, key: &TableKey, description: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO tables (account_id, region, name, description, checksum) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (account_id, region, name) DO UPDATE SET description = excluded.description, checksum = excluded.checksum";
        let TableKey { account_id, region, name } = key;
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![
            account_id,
            region,
            name,
            description,
            description_checksum(key, description)
        ])?;
        tracing::trace!(target: "crash_point", "tables: a description is kept");
        Ok(())
    }

    /// Forgets a table; its spaces are cleared by themselves.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_table(&mut self, key: &TableKey) -> Result<(), StoreError> {
        let sql = "DELETE FROM tables WHERE account_id = ?1 AND region = ?2 AND name = ?3";
        self.connection.prepare_cached(sql)?.execute([&key.account_id, &key.region, &key.name])?;
        Ok(())
    }

    /// A space that nothing was ever in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn new_space(&mut self) -> Result<i64, StoreError> {
        self.connection.prepare_cached("INSERT INTO spaces DEFAULT VALUES")?.execute([])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Deletes all rows of a space, and the space.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_space(&mut self, space: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM items WHERE space = ?1")?.execute([space])?;
        self.connection.prepare_cached("DELETE FROM spaces WHERE id = ?1")?.execute([space])?;
        Ok(())
    }

    /// Keeps an item, over what was kept under its keys.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put(&mut self, space: i64, partition: &[u8], sort: &[u8], item: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO items (space, partition, sort, item, checksum) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (space, partition, sort) DO UPDATE SET item = excluded.item, checksum = excluded.checksum";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![
            space,
            partition,
            sort,
            item,
            row_checksum(space, partition, sort, item)
        ])?;
        tracing::trace!(target: "crash_point", "tables: an item is kept");
        Ok(())
    }

    /// The same of what comes after everything in its space: who waits for that is woken once this is on disk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn append(
        &mut self,
        space: i64,
        partition: &[u8],
        sort: &[u8],
        item: &[u8],
    ) -> Result<(), StoreError> {
        self.put(space, partition, sort, item)?;
        self.wake(space);
        Ok(())
    }

    /// Wakes who waits for what is appended to a space, once this is on disk: nothing more comes, say.
    pub fn wake(&mut self, space: i64) {
        self.appended.insert(space);
    }

    /// Deletes an item, if there is one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete(&mut self, space: i64, partition: &[u8], sort: &[u8]) -> Result<(), StoreError> {
        let sql = "DELETE FROM items WHERE space = ?1 AND partition = ?2 AND sort = ?3";
        self.connection.prepare_cached(sql)?.execute(params![space, partition, sort])?;
        Ok(())
    }

    /// Deletes the rows of a partition before a place.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_before(&mut self, space: i64, partition: &[u8], sort: &[u8]) -> Result<(), StoreError> {
        let sql = "DELETE FROM items WHERE space = ?1 AND partition = ?2 AND sort < ?3";
        self.connection.prepare_cached(sql)?.execute(params![space, partition, sort])?;
        Ok(())
    }

    /// Keeps a stream's description, over what was kept of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_stream(&mut self, arn: &str, description: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO streams (arn, description, checksum) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![arn, description, arn_checksum(arn, description)])?;
        Ok(())
    }

    /// Forgets a stream; its space is deleted by itself.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_stream(&mut self, arn: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM streams WHERE arn = ?1")?.execute([arn])?;
        Ok(())
    }

    /// Keeps a backup's description, over what was kept of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_backup(&mut self, arn: &str, description: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO backups (arn, description, checksum) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![arn, description, arn_checksum(arn, description)])?;
        Ok(())
    }

    /// Forgets a backup; its spaces are deleted by themselves.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_backup(&mut self, arn: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM backups WHERE arn = ?1")?.execute([arn])?;
        Ok(())
    }

    /// Keeps a job's description, over what was kept of it; who waits for jobs is woken once this is on disk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_job(&mut self, arn: &str, description: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO jobs (arn, description, checksum) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![arn, description, arn_checksum(arn, description)])?;
        self.wake(NO_SPACE);
        Ok(())
    }

    /// A new space with all rows of another.
    ///
    /// # Errors
    /// When a row is damaged, or the database refuses.
    pub fn copy_space(&mut self, from: i64) -> Result<i64, StoreError> {
        let to = self.new_space()?;
        let mut after = None;
        loop {
            let rows = self.rows_behind(from, after.as_ref())?;
            for Row { partition, sort, item } in &rows {
                self.put(to, partition, sort, item)?;
            }
            let Some(Row { partition, sort, .. }) = rows.into_iter().next_back() else { return Ok(to) };
            after = Some((partition, sort));
        }
    }

    fn rows_behind(&self, space: i64, after: Option<&(Vec<u8>, Vec<u8>)>) -> Result<Vec<Row>, StoreError> {
        /// Rows that are copied at a time.
        const ROWS_MAX: usize = 1_000;
        let mut rows = Vec::new();
        let after = after.map(|(partition, sort)| (&partition[..], &sort[..]));
        self.in_space::<StoreError>(space, after, |row| {
            rows.push(row);
            Ok(if rows.len() < ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(rows)
    }

    /// The request that a token of an account in a Region is known for by now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(
        &self,
        (account_id, region, token): (&str, &str, &str),
        now_ms: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT request FROM tokens WHERE account_id = ?1 AND region = ?2 AND token = ?3 AND until_ms > ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![account_id, region, token, now_ms], |row| row.get(0)).optional()?)
    }

    /// Keeps what request a token is for, until a time; those whose time is over are forgotten.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_token(
        &mut self,
        (account_id, region, token): (&str, &str, &str),
        request: &[u8],
        (now_ms, until_ms): (i64, i64),
    ) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM tokens WHERE until_ms <= ?1")?.execute([now_ms])?;
        let sql = "INSERT OR REPLACE INTO tokens (account_id, region, token, request, until_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection
            .prepare_cached(sql)?
            .execute(params![account_id, region, token, request, until_ms])?;
        Ok(())
    }

    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        Ok(self
            .connection
            .execute_batch("DELETE FROM items; DELETE FROM tables; DELETE FROM spaces; DELETE FROM tokens; DELETE FROM streams; DELETE FROM backups;
            DELETE FROM jobs")?)
    }
}
