//! The handle to everything durable.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, OpenFlags};

use crate::{CodePackages, FunctionLogs, StoreError, data_dir::DataDir, schema, writer::Writer};

/// Where and how to open.
pub struct OpenOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// A temporary directory instead, removed at the end.
    pub ephemeral: bool,
}

/// Durable state. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    code_packages: CodePackages,
    logs: FunctionLogs,
    database: PathBuf,
    damaged: Vec<String>,
    /// Last, so that it is dropped, and with it perhaps removed, after everything in it is closed.
    data_dir: DataDir,
}

impl Store {
    /// Opens the store: locks the directory, migrates the database, removes what a crash left half done.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another server has the directory, and whatever else keeps it from opening.
    pub fn open(options: OpenOptions) -> Result<Self, StoreError> {
        let data_dir =
            if options.ephemeral { DataDir::ephemeral()? } else { DataDir::open(&options.data_dir)? };
        let database = data_dir.path().join("lambent.db");
        // Made by us first, so that it, and what SQLite puts beside it, is private from the start.
        crate::functions::create_private_file(&database)?;
        let mut connection = Connection::open(&database)?;
        schema::configure(&connection)?;
        schema::migrate(&mut connection)?;
        let damaged = crate::quarantine::set_aside_damaged(&mut connection)?;
        let code_packages = CodePackages::open(&data_dir.path().join("code"))?;
        let logs = FunctionLogs::open(&data_dir.path().join("logs"))?;
        // The entries of everything above, once.
        crate::data_dir::sync_directory(data_dir.path())?;
        let writer = Writer::start(connection)?;
        let inner = Inner { writer, code_packages, logs, database, damaged, data_dir };
        let store = Self { inner: Arc::new(inner) };
        store.collect_garbage_now()?;
        Ok(store)
    }

    /// The data directory, absolute.
    pub fn data_dir(&self) -> &Path {
        self.inner.data_dir.path()
    }

    /// Names what this directory's server makes on the host: eight hex digits.
    pub fn data_dir_id(&self) -> &str {
        self.inner.data_dir.id()
    }

    /// Functions whose records were found damaged and set aside, by their ARNs. Their code is kept.
    pub fn damaged(&self) -> &[String] {
        &self.inner.damaged
    }

    /// The code store.
    pub fn code_packages(&self) -> CodePackages {
        self.inner.code_packages.clone()
    }

    /// The function logs.
    pub fn logs(&self) -> FunctionLogs {
        self.inner.logs.clone()
    }

    /// Ends the writer after what it was asked, and a temporary data directory with it. Later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        let store = self.clone();
        let _ = tokio::task::spawn_blocking(move || {
            store.inner.writer.close();
            store.inner.logs.flush();
            store.inner.data_dir.end();
        })
        .await;
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    /// A connection that can only read.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.inner.database, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Runs a read on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || read(&store.reader()?)).await.map_err(|_| StoreError::Closed)?
    }
}
