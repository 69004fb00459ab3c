//! CloudWatch Logs' groups, streams and events, and what functions print into them.
//!
//! ```text
//! logs/<account>/<region>/<hash of the name>/group.json            what is set for the group
//!                                            00000000.seg ...      sealed segments, compressed
//!                                            00000007.log          the segment being written
//! ```
//! Environments hand their lines to a thread, so that none waits for the disk; they are on disk within [`SYNC_INTERVAL`], and what a
//! power cut takes is at most that much. Events that a client puts are on disk when it hears so. A group is bounded: beyond that,
//! and beyond its retention, the oldest segments go.

mod group;
mod lost;
mod queue;
mod reading;
mod record;
mod segment;
mod settings;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lambda_model::ports::{LogDestination, LogForm, LogSink};
use sha2::{Digest, Sha256};

use crate::{StoreError, data_dir::create_private, error::at};
use group::{Bounds, LogGroup};
use queue::Message;

pub use group::LogStreamState;
pub use reading::{LogPage, LogPosition, LogQuery, StoredEvent, StreamSelection};
pub use settings::{LogGroupSettings, SubscriptionFilter};

/// How long a line may wait to be on disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// What the folders of removed groups begin with.
const REMOVED: &str = ".deleted-";

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogGroupKey {
    /// Whose.
    pub account_id: String,
    /// Where.
    pub region: String,
    /// Its name.
    pub name: String,
}

/// An event to append.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent<'a> {
    /// Unix time, milliseconds.
    pub timestamp_ms: i64,
    /// What it says.
    pub message: &'a [u8],
}

/// A group, as a list shows it.
#[derive(Debug, Clone)]
pub struct LogGroupOverview {
    /// What is set.
    pub settings: LogGroupSettings,
    /// Its files.
    pub stored_bytes: u64,
}

/// The logs of all accounts. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    groups: Arc<Groups>,
    queue: queue::Sender,
}

/// All groups, and who hears of new events.
struct Groups {
    root: PathBuf,
    bounds: Bounds,
    /// Of groups that environments make.
    retention_days: Option<i64>,
    by_key: RwLock<HashMap<LogGroupKey, Arc<LogGroup>>>,
    /// Held while a group is made or removed.
    changing: Mutex<()>,
    /// Blocks of lines that were dropped.
    dropped: AtomicU64,
}

impl Logs {
    /// Loads what is there and starts the thread.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_with(root, Bounds::default(), None)
    }

    /// The same, for what is kept so many days unless something else is set.
    pub(crate) fn open_for_days(root: &Path, days: i64) -> Result<Self, StoreError> {
        Self::open_with(root, Bounds::default(), Some(days))
    }

    fn open_with(root: &Path, bounds: Bounds, retention_days: Option<i64>) -> Result<Self, StoreError> {
        create_private(root)?;
        let groups = Groups {
            root: root.to_owned(),
            bounds,
            retention_days,
            by_key: RwLock::new(load(root, bounds)?),
            changing: Mutex::default(),
            dropped: AtomicU64::new(0),
        };
        let groups = Arc::new(groups);
        let (queue, messages) = queue::new();
        let thread = writer::Writer::new(Arc::clone(&groups));
        std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || thread.run(&messages))
            .map_err(at(root))?;
        Ok(Self { groups, queue })
    }

    /// Blocks of lines that were dropped because the disk could not keep up, or not be written.
    pub fn dropped(&self) -> u64 {
        self.groups.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything that environments handed over so far can be read. Blocks.
    pub fn settle(&self) {
        self.send_and_wait(Message::Settle);
    }

    /// Waits until it is on disk. Blocks.
    pub fn flush(&self) {
        self.send_and_wait(Message::Flush);
    }

    fn send_and_wait(&self, message: fn(mpsc::Sender<()>) -> Message) {
        let (done, wait) = mpsc::channel();
        self.queue.message(message(done));
        // An error means that the thread is gone, and nothing will be written any more.
        let _ = wait.recv();
    }

    /// Removes everything. Blocks.
    pub fn clear(&self) {
        self.settle();
        let keys: Vec<LogGroupKey> = self.groups.read().keys().cloned().collect();
        for key in keys {
            if let Err(error) = self.groups.delete(&key) {
                tracing::warn!(group = key.name, %error, "log group not removed");
            }
        }
    }

    /// Makes a group. False when it is there already. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_group(&self, key: &LogGroupKey, settings: LogGroupSettings) -> Result<bool, StoreError> {
        self.groups.create(key, settings).map(|(_, is_new)| is_new)
    }

    /// Removes a group and everything in it. False when it is not there. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_group(&self, key: &LogGroupKey) -> Result<bool, StoreError> {
        self.groups.delete(key)
    }

    /// What is set for a group.
    pub fn group(&self, key: &LogGroupKey) -> Option<LogGroupOverview> {
        let group = self.groups.get(key)?;
        Some(LogGroupOverview { settings: group.settings(), stored_bytes: group.stored_bytes() })
    }

    /// The groups of an account in a Region, by name.
    pub fn groups(&self, account_id: &str, region: &str) -> BTreeMap<String, LogGroupOverview> {
        let groups = self.groups.read();
        let its = groups.iter().filter(|(key, _)| key.account_id == account_id && key.region == region);
        its.map(|(key, group)| {
            let (settings, stored_bytes) = (group.settings(), group.stored_bytes());
            (key.name.clone(), LogGroupOverview { settings, stored_bytes })
        })
        .collect()
    }

    /// Changes what is set for a group; `None` when there is none. Blocks.
    ///
    /// # Errors
    /// What `change` gave, or when it cannot be written.
    pub fn change_group<T, E: From<StoreError>>(
        &self,
        key: &LogGroupKey,
        change: impl FnOnce(&mut LogGroupSettings) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        Some(self.groups.get(key)?.change(change))
    }

    /// Makes a stream: false when it is there already, `None` when its group is not. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_stream(&self, key: &LogGroupKey, name: &str) -> Option<Result<bool, StoreError>> {
        let group = self.groups.get(key)?;
        let created = group.create_stream(name, now_ms());
        Some(created.and_then(|is_new| group.sync().map(|()| is_new)))
    }

    /// Removes a stream: false when it is not there, `None` when its group is not. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_stream(&self, key: &LogGroupKey, name: &str) -> Option<Result<bool, StoreError>> {
        let group = self.groups.get(key)?;
        let deleted = group.delete_stream(name);
        Some(deleted.and_then(|was_there| group.sync().map(|()| was_there)))
    }

    /// The streams of a group, by name; `None` when there is none.
    pub fn streams(&self, key: &LogGroupKey) -> Option<BTreeMap<Arc<str>, LogStreamState>> {
        let group = self.groups.get(key)?;
        let index = group.index();
        Some(index.streams.iter().map(|(name, state)| (Arc::clone(name), state.clone())).collect())
    }

    /// Appends events, which are on disk when this returns; `None` when there is no such group. Blocks.
    ///
    /// # Errors
    /// When they cannot be written: then none is.
    pub fn put(
        &self,
        key: &LogGroupKey,
        stream: &str,
        events: &[LogEvent<'_>],
    ) -> Option<Result<(), StoreError>> {
        let group = self.groups.get(key)?;
        let appended = group.append(stream, events, now_ms());
        Some(appended.and_then(|()| group.sync()))
    }

    /// A page of events; `None` when there is no such group. Blocks.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn read(
        &self,
        key: &LogGroupKey,
        query: &LogQuery,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Result<LogPage, StoreError>> {
        Some(self.groups.get(key)?.read(query, now_ms(), is_wanted))
    }

    /// Events in the order of their coming, from the given one on, and which comes next; `None` when there is no such group. Blocks.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn read_from(
        &self,
        key: &LogGroupKey,
        sequence: u64,
        streams: &StreamSelection,
        bytes_max: usize,
    ) -> Option<Result<(Vec<StoredEvent>, u64), StoreError>> {
        Some(self.groups.get(key)?.read_from(sequence, streams, bytes_max))
    }

    /// The groups that have subscription filters.
    pub fn groups_with_filters(&self) -> Vec<(LogGroupKey, LogGroupSettings)> {
        let groups: Vec<(LogGroupKey, Arc<LogGroup>)> =
            self.groups.read().iter().map(|(key, group)| (key.clone(), Arc::clone(group))).collect();
        let settings = groups.into_iter().map(|(key, group)| (key, group.settings()));
        settings.filter(|(_, settings)| !settings.subscription_filters.is_empty()).collect()
    }

    /// The number of the event that comes next in a group.
    pub fn next_sequence(&self, key: &LogGroupKey) -> u64 {
        self.groups.get(key).map_or(0, |group| group.index().next_sequence)
    }

    /// Deletes what has expired in a group now. Blocks.
    ///
    /// # Errors
    /// When a segment cannot be sealed.
    pub fn maintain_group(&self, key: &LogGroupKey) -> Result<(), StoreError> {
        self.groups.get(key).map_or(Ok(()), |group| group.maintain(now_ms()))
    }
}

impl Groups {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<LogGroupKey, Arc<LogGroup>>> {
        self.by_key.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &LogGroupKey) -> Option<Arc<LogGroup>> {
        self.read().get(key).cloned()
    }

    /// The group, and whether it is new.
    fn create(
        &self,
        key: &LogGroupKey,
        settings: LogGroupSettings,
    ) -> Result<(Arc<LogGroup>, bool), StoreError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = self.get(key) {
            return Ok((group, false));
        }
        let account = self.root.join(&key.account_id);
        let region = account.join(&key.region);
        let folder = region.join(folder_name(&key.name));
        for path in [&account, &region] {
            make_folder(path)?;
        }
        let group = Arc::new(LogGroup::create(folder, settings, self.bounds)?);
        let mut groups = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        groups.insert(key.clone(), Arc::clone(&group));
        Ok((group, true))
    }

    fn delete(&self, key: &LogGroupKey) -> Result<bool, StoreError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = self.get(key) else { return Ok(false) };
        let parent = group.folder.parent().unwrap_or(&self.root);
        // Away under another name first: what a crash leaves of it is no group.
        let away = parent.join(format!("{REMOVED}{}", crate::data_dir::random_hex::<8>()?));
        fs::rename(&group.folder, &away).map_err(at(&group.folder))?;
        crate::data_dir::sync_directory(parent)?;
        self.by_key.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Err(error) = fs::remove_dir_all(&away) {
            tracing::warn!(path = %away.display(), %error, "log group not removed");
        }
        Ok(true)
    }
}

/// Makes a folder in one that is there: a temporary data directory that is gone already does not come back. Durable.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => crate::data_dir::sync_directory(path.parent().unwrap_or(path)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(at(path)(error)),
    }
}

/// A group's name may hold slashes, and be longer than a file's may.
fn folder_name(group: &str) -> String {
    let hash = Sha256::digest(group.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn is_folder_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn load(root: &Path, bounds: Bounds) -> Result<HashMap<LogGroupKey, Arc<LogGroup>>, StoreError> {
    let mut groups = HashMap::new();
    for account in folders(root)? {
        for region in folders(&account)? {
            for folder in folders(&region)? {
                load_group(&folder, bounds, &mut groups);
            }
        }
    }
    Ok(groups)
}

/// What a crash left half made or half removed is removed; what is not ours is left alone.
fn load_group(folder: &Path, bounds: Bounds, groups: &mut HashMap<LogGroupKey, Arc<LogGroup>>) {
    let name = |path: Option<&Path>| {
        path.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned())
    };
    let region = folder.parent();
    let (region_name, account_id) = (name(region), name(region.and_then(Path::parent)));
    let own = name(Some(folder)).unwrap_or_default();
    let is_removed = own.starts_with(REMOVED);
    if is_removed || !folder.join("group.json").exists() {
        if is_removed || is_folder_name(&own) {
            let _ = fs::remove_dir_all(folder);
        }
        return;
    }
    match LogGroup::open(folder.to_owned(), bounds) {
        Ok(group) => {
            let key = LogGroupKey {
                account_id: account_id.unwrap_or_default(),
                region: region_name.unwrap_or_default(),
                name: group.settings().name,
            };
            groups.insert(key, Arc::new(group));
        }
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "a log group cannot be read");
        }
    }
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(path).map_err(at(path))?.flatten();
    Ok(entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl LogSink for Logs {
    fn append(&self, to: &Arc<LogDestination>, lines: &[u8], form: LogForm) {
        if !self.queue.lines(to, now_ms(), lines, form) {
            self.groups.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hurry(&self) {
        self.queue.hurry();
    }
}
