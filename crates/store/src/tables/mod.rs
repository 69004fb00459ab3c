//! Tables of items, in a database of its own: what is read and written here delays nothing else.
//!
//! ```text
//! table (its description) ──► spaces: one for its items, one for each index ──► rows: partition, sort, bytes
//! ```
//! Keys and items are bytes whose meaning is the service's; rows of a partition are in the order of their bytes. Each row has a checksum:
//! one that does not hold is reported, and is an error for who asks for it.

mod rows;
mod transaction;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::watch;

use crate::{StoreError, database::Database, salvage, schema, write_ahead_log};

pub use rows::{Direction, Row, Span, TableView};
pub use transaction::TableTransaction;

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its name.
    pub name: String,
}

/// Who waits for jobs waits for it: spaces begin with the first.
const NO_SPACE: i64 = 0;

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    damaged: Mutex<BTreeSet<String>>,
    /// Who waits for what is appended to a space.
    waiting: Mutex<HashMap<i64, watch::Sender<()>>>,
}

impl Tables {
    /// Opens the file.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let mended = write_ahead_log::mend(path)?;
        let salvaged = salvage::salvage_unreadable(path, &schema::TABLES)?;
        let (database, ()) = Database::open(path, &schema::TABLES, |_| Ok(()))?;
        let damaged = mended.into_iter().chain(salvaged).collect();
        let inner = Inner { database, damaged: Mutex::new(damaged), waiting: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What was found damaged, and is reported until the next start.
    pub(crate) fn damaged(&self) -> Vec<String> {
        self.inner.damaged.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn report_damage(&self, what: String) {
        tracing::error!(what, "damaged");
        self.inner.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
    }

    /// Ends the writer after what it was asked. Blocks.
    pub(crate) fn close(&self) {
        self.inner.database.close();
    }

    /// Deletes every table.
    ///
    /// # Errors
    /// When that could not be made durable.
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.transact(|transaction| transaction.clear(), |()| {}).await
    }

    /// Runs `read` on a thread that may block, in one state of the database.
    ///
    /// # Errors
    /// Its own, or that the database cannot be read.
    pub async fn read<T, E>(
        &self,
        read: impl FnOnce(&TableView<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let tables = self.clone();
        let read = move || -> Result<T, E> {
            let in_view = |connection: &Connection| Ok(read(&TableView::new(connection, &tables)));
            tables.inner.database.read(in_view)?
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| E::from(StoreError::Closed))?
    }

    /// Runs `change` in a transaction. An error of its own leaves everything as it was. `committed` is called once it is on disk, on the
    /// writer's thread and so in the order of the commits.
    ///
    /// # Errors
    /// Its own, or that nothing could be made durable.
    pub async fn transact<T, E>(
        &self,
        change: impl FnOnce(&mut TableTransaction<'_>) -> Result<T, E> + Send + 'static,
        committed: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let tables = self.clone();
        let job = move |connection: &Connection| {
            let run = |statement| connection.prepare_cached(statement)?.execute([]);
            run("SAVEPOINT change")?;
            let mut transaction = TableTransaction::new(connection, &tables);
            let result = change(&mut transaction);
            let appended = transaction.appended;
            if result.is_err() {
                run("ROLLBACK TO change")?;
            }
            run("RELEASE change")?;
            Ok((result, appended))
        };
        let tables = self.clone();
        let told = move |(result, appended): &(Result<T, E>, BTreeSet<i64>)| {
            if let Ok(value) = result {
                committed(value);
                appended.iter().for_each(|space| tables.wake(*space));
            }
        };
        self.inner.database.writer().write(job, told).await?.0
    }

    /// Changes whenever something is appended to a space from now on.
    pub fn appended(&self, space: i64) -> watch::Receiver<()> {
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(space).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Changes whenever there is something new of jobs from now on.
    pub fn of_jobs(&self) -> watch::Receiver<()> {
        self.appended(NO_SPACE)
    }

    fn wake(&self, space: i64) {
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.get(&space).is_some_and(|waiting| waiting.send(()).is_err()) {
            waiting.remove(&space);
        }
    }
}

#[cfg(test)]
mod tests;
