//! Rows, as they are read.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, params};

use super::{TableKey, Tables};
use crate::StoreError;

/// A row of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The partition.
    pub partition: Vec<u8>,
    /// Its place in the partition.
    pub sort: Vec<u8>,
    /// What is kept.
    pub item: Vec<u8>,
}

/// Which way rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest on.
    Forward,
    /// From the largest on.
    Backward,
}

/// Rows of a partition, from `from` on and before `to`; without `to`, all that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Vec<u8>,
    /// Behind the last.
    pub to: Option<Vec<u8>>,
}

/// One state of the tables.
pub struct TableView<'a> {
    pub(super) connection: &'a Connection,
    tables: &'a Tables,
}

impl<'a> TableView<'a> {
    pub(super) fn new(connection: &'a Connection, tables: &'a Tables) -> Self {
        Self { connection, tables }
    }

    /// Every table with its description. One that is damaged is left out, and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn all(&self) -> Result<Vec<(TableKey, Vec<u8>)>, StoreError> {
        let sql = "SELECT account_id, region, name, description, checksum FROM tables ORDER BY account_id, region, name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let key = TableKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? };
            let description: Vec<u8> = row.get(3)?;
            match row.get::<_, i64>(4)? == description_checksum(&key, &description) {
                true => all.push((key, description)),
                false => self.tables.report_damage(format!("the table {} of {}", key.name, key.account_id)),
            }
        }
        Ok(all)
    }

    /// A table's description.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn table(&self, key: &TableKey) -> Result<Option<Vec<u8>>, StoreError> {
        let sql =
            "SELECT description, checksum FROM tables WHERE account_id = ?1 AND region = ?2 AND name = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?));
        let found = statement.query_row([&key.account_id, &key.region, &key.name], read).optional()?;
        let Some((description, checksum)) = found else { return Ok(None) };
        match description_checksum(key, &description) == checksum {
            true => Ok(Some(description)),
            false => Err(self.damaged(format!("the table {} of {}", key.name, key.account_id))),
        }
    }

    /// A stream's description.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn stream(&self, arn: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.named("SELECT description, checksum FROM streams WHERE arn = ?1", ("stream", arn))
    }

    /// Every stream with its description. One that is damaged is left out, and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn streams(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.all_named("SELECT arn, description, checksum FROM streams ORDER BY arn", "stream")
    }

    /// A backup's description.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn backup(&self, arn: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.named("SELECT description, checksum FROM backups WHERE arn = ?1", ("backup", arn))
    }

    /// Every backup with its description. One that is damaged is left out, and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn backups(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.all_named("SELECT arn, description, checksum FROM backups ORDER BY arn", "backup")
    }

    /// A job's description.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn job(&self, arn: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.named("SELECT description, checksum FROM jobs WHERE arn = ?1", ("job", arn))
    }

    /// Every job with its description. One that is damaged is left out, and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn jobs(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.all_named("SELECT arn, description, checksum FROM jobs ORDER BY arn", "job")
    }

    fn named(&self, sql: &str, (kind, arn): (&str, &str)) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?));
        let Some((description, checksum)) = statement.query_row([arn], read).optional()? else {
            return Ok(None);
        };
        match arn_checksum(arn, &description) == checksum {
            true => Ok(Some(description)),
            false => Err(self.damaged(format!("the {kind} {arn}"))),
        }
    }

    fn all_named(&self, sql: &str, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (arn, description): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            match row.get::<_, i64>(2)? == arn_checksum(&arn, &description) {
                true => all.push((arn, description)),
                false => self.tables.report_damage(format!("the {kind} {arn}")),
            }
        }
        Ok(all)
    }

    /// Rows of a space, and bytes of their keys and items.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn count(&self, space: i64) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT items, bytes FROM spaces WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([space], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Whether a space is there.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn has_space(&self, space: i64) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM spaces WHERE id = ?1")?;
        Ok(statement.exists([space])?)
    }

    /// One row's item.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn get(&self, space: i64, partition: &[u8], sort: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT item, checksum FROM items WHERE space = ?1 AND partition = ?2 AND sort = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found =
            statement.query_row(params![space, partition, sort], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((item, checksum)) = found.optional()? else { return Ok(None) };
        self.whole(space, Row { partition: partition.to_vec(), sort: sort.to_vec(), item }, checksum)
            .map(|row| Some(row.item))
    }

    /// Goes through rows of a partition until `see` has enough.
    ///
    /// # Errors
    /// Its own, and when a row is damaged or cannot be read.
    pub fn in_partition<E: From<StoreError>>(
        &self,
        (space, partition): (i64, &[u8]),
        span: &Span,
        direction: Direction,
        see: impl FnMut(Row) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        match &span.to {
            None => self.each(
                space,
                rows_of_partition(direction, false),
                params![space, partition, span.from],
                see,
            ),
            Some(to) => self.each(
                space,
                rows_of_partition(direction, true),
                params![space, partition, span.from, to],
                see,
            ),
        }
    }

    /// Goes through all rows of a space, or through those behind one, until `see` has enough.
    ///
    /// # Errors
    /// Its own, and when a row is damaged or cannot be read.
    pub fn in_space<E: From<StoreError>>(
        &self,
        space: i64,
        behind: Option<(&[u8], &[u8])>,
        see: impl FnMut(Row) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let Some((partition, sort)) = behind else {
            let sql =
                "SELECT partition, sort, item, checksum FROM items WHERE space = ?1 ORDER BY partition, sort";
            return self.each(space, sql, params![space], see);
        };
        self.each(space, ROWS_BEHIND, params![space, partition, sort], see)
    }

    fn each<E: From<StoreError>>(
        &self,
        space: i64,
        sql: &str,
        parameters: &[&dyn rusqlite::ToSql],
        mut see: impl FnMut(Row) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query(parameters).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let read = || -> Result<(Row, i64), StoreError> {
                Ok((Row { partition: row.get(0)?, sort: row.get(1)?, item: row.get(2)? }, row.get(3)?))
            };
            let (row, checksum) = read()?;
            if see(self.whole(space, row, checksum)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn whole(&self, space: i64, row: Row, checksum: i64) -> Result<Row, StoreError> {
        if row_checksum(space, &row.partition, &row.sort, &row.item) == checksum {
            return Ok(row);
        }
        Err(self.damaged(format!("an item in the space {space}")))
    }

    fn damaged(&self, document: String) -> StoreError {
        self.tables.report_damage(document.clone());
        StoreError::DamagedDocument { document, what: "is not what was stored" }
    }
}

/// Rows of a space behind one.
pub(super) const ROWS_BEHIND: &str = "SELECT partition, sort, item, checksum FROM items
    WHERE space = ?1 AND (partition, sort) > (?2, ?3) ORDER BY partition, sort";

/// Each by itself, so that both bounds are searched by.
pub(super) fn rows_of_partition(direction: Direction, has_end: bool) -> &'static str {
    match (direction, has_end) {
        (Direction::Forward, false) => {
            "SELECT partition, sort, item, checksum FROM items
             WHERE space = ?1 AND partition = ?2 AND sort >= ?3 ORDER BY sort"
        }
        (Direction::Forward, true) => {
            "SELECT partition, sort, item, checksum FROM items
             WHERE space = ?1 AND partition = ?2 AND sort >= ?3 AND sort < ?4 ORDER BY sort"
        }
        (Direction::Backward, false) => {
            "SELECT partition, sort, item, checksum FROM items
             WHERE space = ?1 AND partition = ?2 AND sort >= ?3 ORDER BY sort DESC"
        }
        (Direction::Backward, true) => {
            "SELECT partition, sort, item, checksum FROM items
             WHERE space = ?1 AND partition = ?2 AND sort >= ?3 AND sort < ?4 ORDER BY sort DESC"
        }
    }
}

pub(super) fn description_checksum(key: &TableKey, description: &[u8]) -> i64 {
    checksum([key.account_id.as_bytes(), key.region.as_bytes(), key.name.as_bytes(), description])
}

pub(super) fn arn_checksum(arn: &str, description: &[u8]) -> i64 {
    checksum([arn.as_bytes(), description])
}

pub(super) fn row_checksum(space: i64, partition: &[u8], sort: &[u8], item: &[u8]) -> i64 {
    checksum([&space.to_le_bytes(), partition, sort, item])
}

fn checksum<const PARTS: usize>(parts: [&[u8]; PARTS]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    i64::from(hasher.finalize())
}
