//! What waits, in a database of its own: much is written here, and soon deleted, and none of that delays anything else.
//!
//! ```text
//! lane ◄── schedule (due, state) ──► entry (header, body)
//! ```
//! [`entries`] is the SQL of that. [`events`] keeps asynchronous invocations in it, a lane each function; [`outbox`] what is to be told
//! of their ends, a lane each target; [`messages`] what SQS was sent, a lane each queue; [`appointments`] is when schedules are due,
//! [`checkpoints`] how far streams are read. [`check`] holds the file against its checksums when it is opened.

mod appointments;
mod check;
mod checkpoints;
mod claims;
mod entries;
mod events;
mod lanes;
mod messages;
mod outbox;
mod transaction;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::UNIX_EPOCH,
};

use rusqlite::Connection;

use crate::{StoreError, database::Database, quarantine::beside, salvage, schema, write_ahead_log};
use entries::Slot;

pub use appointments::Appointment;
pub use checkpoints::Checkpoint;
pub use messages::{MessageView, Place, PlacedMessage, StoredMessage};
pub use outbox::{OutboxItem, OutboxItems};
pub use transaction::{QueueObserver, QueueTransaction};

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Queues {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    next_id: AtomicI64,
    /// The ids of lanes that are on disk.
    lanes: Mutex<HashMap<String, i64>>,
    /// What is being worked on, lane by lane: in memory only, so that all of it waits again after a crash.
    claims: Mutex<HashMap<i64, BTreeMap<i64, Slot>>>,
    damaged: Mutex<BTreeSet<String>>,
    last_written_ms: i64,
    observer: OnceLock<Arc<dyn QueueObserver>>,
}

impl Queues {
    /// Opens the file, and sets aside what is damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        tracing::trace!(target: "crash_point", "open: begins");
        let last_written_ms = last_written_ms(path);
        let mended = write_ahead_log::mend(path)?;
        let salvaged = salvage::salvage_unreadable(path, &schema::QUEUES)?;
        tracing::trace!(target: "crash_point", "open: the file is readable");
        let (database, mut damaged) = Database::open(path, &schema::QUEUES, check::check)?;
        damaged.extend(mended.into_iter().chain(salvaged));
        tracing::trace!(target: "crash_point", "open: the file is checked");
        let (next_id, lanes) =
            database.read(|connection| Ok((entries::last_id(connection)? + 1, lanes::all(connection)?)))?;
        let inner = Inner {
            database,
            next_id: AtomicI64::new(next_id),
            lanes: Mutex::new(lanes),
            claims: Mutex::default(),
            damaged: Mutex::new(damaged.into_iter().collect()),
            last_written_ms,
            observer: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What was found damaged: set aside, and reported until the next start.
    pub(crate) fn damaged(&self) -> Vec<String> {
        lock(&self.inner.damaged).iter().cloned().collect()
    }

    /// When something was last written before this start, by the clock of then: Unix time, milliseconds. Turns were set by that clock.
    pub fn last_written_ms(&self) -> i64 {
        self.inner.last_written_ms
    }

    /// Ends the writer after what it was asked. Blocks.
    pub(crate) fn close(&self) {
        self.inner.database.close();
    }

    /// The highest number that something was given.
    pub fn last_id(&self) -> i64 {
        self.inner.next_id.load(Ordering::Relaxed) - 1
    }

    /// A number for a new entry.
    fn new_id(&self) -> i64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes something; `committed` is called once it is on disk, whether or not anyone still waits.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        committed: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.database.writer().write(change, committed).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queues = self.clone();
        let read = move || queues.inner.database.read(read);
        tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Closed)?
    }

    /// The id of a lane that is on disk.
    fn lane_id(&self, lane: &str) -> Option<i64> {
        lock(&self.inner.lanes).get(lane).copied()
    }

    fn remember_lane(&self, lane: String, id: i64) {
        lock(&self.inner.lanes).insert(lane, id);
    }

    fn forget(&self) {
        lock(&self.inner.lanes).clear();
        self.claims().clear();
        lock(&self.inner.damaged).clear();
    }

    fn report_damage(&self, what: String) {
        tracing::error!(what, "something that waited is damaged and was set aside");
        lock(&self.inner.damaged).insert(what);
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<i64, BTreeMap<i64, Slot>>> {
        lock(&self.inner.claims)
    }
}

/// From the times of the files, 0 where there are none: nothing has to be written for it.
fn last_written_ms(path: &Path) -> i64 {
    let log = beside(path, "-wal");
    let times = [path, log.as_path()].map(|file| file.metadata().and_then(|metadata| metadata.modified()));
    let latest = times.into_iter().flatten().max();
    let since = latest.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
