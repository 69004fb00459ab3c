//! A database file that is not readable as a whole: it is moved aside, and what can be read of it goes into a new one.
//!
//! ```text
//! FILE ──► not what SQLite wrote? ──► FILE.damaged-N ──► each table's rows before and after what cannot be read ──► new FILE
//! ```
//! What a row says is somebody else's matter: its checksum tells.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::{
    StoreError,
    data_dir::sync_directory,
    error::at,
    quarantine::{self, beside},
    schema::Schema,
};

/// Sets a file aside that is not readable as a whole, and puts what can be read of it into a new one. What there is to report.
///
/// A file that is set aside is *done* once a file beside it says so: a server that was killed before is gone on with.
pub(crate) fn salvage_unreadable(path: &Path, schema: &Schema) -> Result<Vec<String>, StoreError> {
    let mut reports = Vec::new();
    for aside in set_aside_and_not_done(path) {
        reports.push(salvage(path, &aside, schema)?);
    }
    if path.exists() && is_damaged(path, schema)? {
        let aside = quarantine::free_name(path);
        std::fs::rename(path, &aside).map_err(at(path))?;
        reports.push(salvage(path, &aside, schema)?);
    }
    Ok(reports)
}

/// What marks a file that was set aside as salvaged.
const DONE: &str = ".salvaged";

fn set_aside_and_not_done(path: &Path) -> Vec<PathBuf> {
    quarantine::set_aside(path).filter(|aside| !beside(aside, DONE).exists()).collect()
}

fn salvage(path: &Path, aside: &Path, schema: &Schema) -> Result<String, StoreError> {
    let report = format!("{} could not be read as a whole, what could is kept", aside.display());
    tracing::error!(report, "a database file is damaged");
    // Before there is a new file, which the old log must not be taken for the log of.
    for suffix in ["-wal", "-shm"] {
        let from = beside(path, suffix);
        if from.exists() && !path.exists() {
            std::fs::rename(&from, beside(aside, suffix)).map_err(at(&from))?;
        }
    }
    let mut new = Connection::open(path)?;
    schema.configure(&new)?;
    schema.migrate(&mut new)?;
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
fn is_damaged(path: &Path, schema: &Schema) -> Result<bool, StoreError> {
    let check = || -> rusqlite::Result<bool> {
        let connection = Connection::open(path)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // Every page, and every index against its table.
        let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok(found != "ok" || !schema.is_that_of(&connection, version)?)
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
    for table in Table::all(new).unwrap_or_default() {
        for backwards in [false, true] {
            // What cannot be read ends it; what can is there by then.
            let _ = table.copy(old, new, backwards);
        }
    }
}

/// A table, as it is in the new file.
struct Table {
    name: String,
    /// What a row is made of: the number that it has in the file with it, where it has one and no column is that.
    columns: Vec<String>,
    /// In which order the rows lie: columns, and whether they fall.
    order: Vec<(String, bool)>,
}

impl Table {
    fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut statement = connection.prepare(
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
        )?;
        let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        tables
            .map(|table| table.and_then(|(name, without_rowid)| Self::of(connection, name, without_rowid)))
            .collect()
    }

    fn of(connection: &Connection, name: String, without_rowid: bool) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?;
        let found = statement.query_map([&name], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        let is_numbered = found.iter().any(|(_, kind, key)| *key == 1 && kind == "INTEGER");
        let mut columns: Vec<String> = found.into_iter().map(|(name, ..)| name).collect();
        if without_rowid {
            return Ok(Self { order: primary_key(connection, &name)?, name, columns });
        }
        if !is_numbered {
            columns.insert(0, "rowid".into());
        }
        Ok(Self { name, columns, order: vec![("rowid".into(), false)] })
    }

    fn copy(&self, old: &Connection, new: &Connection, backwards: bool) -> rusqlite::Result<()> {
        let order = self.order.iter().map(|(column, falls)| {
            let direction = if *falls == backwards { "ASC" } else { "DESC" };
            format!("{column} {direction}")
        });
        let (table, columns) = (&self.name, self.columns.join(", "));
        let order = order.collect::<Vec<_>>().join(", ");
        let places = vec!["?"; self.columns.len()].join(", ");
        let mut select = old.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {order}"))?;
        let mut insert =
            new.prepare(&format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..self.columns.len()).map(|column| row.get::<_, Value>(column));
            // A value that damage made another kind is not taken by the new file.
            let _ = insert.execute(params_from_iter(values.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(())
    }
}

fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, bool)>> {
    let mut statement = connection.prepare(
        "SELECT of_key.name, of_key.desc FROM pragma_index_list(?1) AS indexes, pragma_index_xinfo(indexes.name) AS of_key \
         WHERE indexes.origin = 'pk' AND of_key.key = 1 ORDER BY of_key.seqno",
    )?;
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    columns.collect()
}
