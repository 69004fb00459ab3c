//! A database file: one thread writes to it, and readers look at what is committed.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OpenFlags};

use crate::{StoreError, data_dir::create_private_file, schema::Schema, writer::Writer};

/// Connections for reading that are kept open.
const IDLE_READERS_MAX: usize = 8;

/// See the module's doc.
pub(crate) struct Database {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Makes the file where there is none, and brings it to the newest schema. `prepare` looks at it before anything is written.
    pub(crate) fn open<T>(
        path: &Path,
        schema: &Schema,
        prepare: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<(Self, T), StoreError> {
        // Made by us first, so that it, and what SQLite puts beside it, is private from the start.
        create_private_file(path)?;
        let mut connection = Connection::open(path)?;
        schema.configure(&connection)?;
        schema.migrate(&mut connection)?;
        let prepared = prepare(&mut connection)?;
        let writer = Writer::start(connection)?;
        Ok((Self { path: path.to_owned(), writer, readers: Mutex::default() }, prepared))
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Runs a read in one state of the database. Blocks.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle_readers().pop();
        let connection = idle.map_or_else(|| self.reader(), Ok)?;
        connection.execute_batch("BEGIN")?;
        let result = read(&connection);
        // A connection whose read does not end would keep the log from being checkpointed: it is closed.
        if connection.execute_batch("COMMIT").is_ok() {
            let mut idle = self.idle_readers();
            if idle.len() < IDLE_READERS_MAX {
                idle.push(connection);
            }
        }
        result
    }

    /// A connection that can only read.
    fn reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Ends the writer after what it was asked. Blocks. Being the last, it takes the write-ahead log over into the file.
    pub(crate) fn close(&self) {
        self.idle_readers().clear();
        self.writer.close();
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
