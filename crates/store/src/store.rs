//! The handle to everything durable.

use std::{path::Path, sync::Arc};

use lambda_model::error::with_causes;
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::{
    CodePackages, CommitObserver, Logs, Queues, StoreError, Tables,
    data_dir::{DataDir, sync_directory},
    database::Database,
    quarantine::{self, Damaged},
    s3::ObjectFiles,
    salvage, schema, write_ahead_log,
    writer::Writer,
};

/// Durable state. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    queues: Queues,
    tables: Tables,
    code_packages: CodePackages,
    logs: Logs,
    traces: Logs,
    object_files: ObjectFiles,
    object_events: Arc<Notify>,
    damaged: Damaged,
    observer: Arc<dyn CommitObserver>,
    /// Last, so that it is dropped, and with it perhaps removed, after everything in it is closed.
    data_dir: DataDir,
}

/// X-Ray keeps traces so long.
const TRACES_DAYS: i64 = 30;

impl Store {
    /// Opens the store of a directory: migrates the database, removes what a crash left half done. Within a runtime, blocking.
    ///
    /// # Errors
    /// Whatever keeps it from opening.
    pub fn open(data_dir: DataDir, observer: Arc<dyn CommitObserver>) -> Result<Self, StoreError> {
        let path = data_dir.path().join("lambent.db");
        let mut known: Vec<String> = write_ahead_log::mend(&path)?.into_iter().collect();
        salvage::salvage_unreadable(&path, &schema::RESOURCES)?;
        // What was lost with them may have named code and objects: while they are there, none is removed.
        known.extend(quarantine::set_aside(&path).map(|file| {
            format!(
                "{} could not be read as a whole, what could is kept; remove it when you have seen this",
                file.display()
            )
        }));
        let (database, (packages, damaged)) = Database::open(&path, &schema::RESOURCES, |connection| {
            let packages = quarantine::set_aside_damaged(connection, &*observer)?;
            Ok((packages, Damaged::load(connection, known)?))
        })?;
        let queues = Queues::open(&data_dir.path().join("queues.db"))?;
        let tables = Tables::open(&data_dir.path().join("tables.db"))?;
        let code_packages = CodePackages::open(&data_dir.path().join("code"))?;
        let logs = Logs::open(&data_dir.path().join("logs"))?;
        let traces = Logs::open_for_days(&data_dir.path().join("traces"), TRACES_DAYS)?;
        let object_files = ObjectFiles::open(&data_dir.path().join("objects"))?;
        // The names of all of that: whatever is acknowledged later lies below them.
        sync_directory(data_dir.path())?;
        let inner = Inner {
            database,
            queues,
            tables,
            code_packages,
            logs,
            traces,
            object_files,
            object_events: Arc::default(),
            damaged,
            observer,
            data_dir,
        };
        let store = Self { inner: Arc::new(inner) };
        if store.inner.damaged.is_empty()
            && let Err(error) = store.sweep_object_files()
        {
            tracing::warn!(error = with_causes(&error), "files of deleted objects not removed");
        }
        if let Err(error) = store.collect_garbage_beside(packages) {
            tracing::warn!(error = with_causes(&error), "unused code not removed");
        }
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

    /// Records that are damaged, functions by their ARNs: set aside at start, or found so later. While there are any, no code is
    /// removed. Deleting what they are of, or creating it anew, ends it.
    pub fn damaged(&self) -> Vec<String> {
        [self.inner.damaged.all(), self.inner.queues.damaged(), self.inner.tables.damaged()].concat()
    }

    pub(crate) fn damaged_records(&self) -> &Damaged {
        &self.inner.damaged
    }

    /// The code store.
    pub fn code_packages(&self) -> CodePackages {
        self.inner.code_packages.clone()
    }

    /// What waits: asynchronous events, and what is to be told of their ends.
    pub fn queues(&self) -> Queues {
        self.inner.queues.clone()
    }

    /// Tables of items.
    pub fn tables(&self) -> Tables {
        self.inner.tables.clone()
    }

    /// Segments of traces that functions sent to the X-Ray daemon: one group an account and Region, a stream a function.
    pub fn traces(&self) -> Logs {
        self.inner.traces.clone()
    }

    /// Notified when something happened to an object that is to be handed over.
    pub fn object_events(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.object_events)
    }

    /// Log groups, and what functions print into them.
    pub fn logs(&self) -> Logs {
        self.inner.logs.clone()
    }

    /// Ends the writer after what it was asked, and a temporary data directory with it. Later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        let store = self.clone();
        let _ = tokio::task::spawn_blocking(move || {
            store.inner.queues.close();
            store.inner.tables.close();
            store.inner.database.close();
            store.inner.logs.flush();
            store.inner.traces.flush();
            store.inner.data_dir.end();
        })
        .await;
    }

    pub(crate) fn files_of_s3(&self) -> &ObjectFiles {
        &self.inner.object_files
    }

    pub(crate) fn observer(&self) -> Arc<dyn CommitObserver> {
        Arc::clone(&self.inner.observer)
    }

    pub(crate) fn writer(&self) -> &Writer {
        self.inner.database.writer()
    }

    /// Runs a read on a thread that may block, in one state of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_now(read)).await.map_err(|_| StoreError::Closed)?
    }

    /// The same, on this thread.
    pub(crate) fn read_now<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.database.read(read)
    }
}

#[cfg(test)]
mod tests;
