//! What functions print: one file per log stream, appended by one thread so that no environment waits for the disk.
//!
//! Lines are on disk within [`SYNC_INTERVAL`]; what a power cut takes is at most that much. A function's files are bounded together:
//! the oldest streams go first.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use lambda_model::{function::FunctionKey, ports::LogSink};

use crate::{StoreError, data_dir::create_private, error::at};

/// How long a line may wait to be on disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Blocks of lines that may wait for the thread; more are dropped and counted.
const QUEUE_MAX: usize = 4_096;
/// Open files kept by the thread.
const OPEN_FILES_MAX: usize = 256;
/// All streams of one function, bytes; checked when a stream begins.
const FUNCTION_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// One stream, bytes; what comes after is dropped and counted.
const STREAM_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// One answer to a reader, bytes.
const CHUNK_BYTES_MAX: u64 = 1024 * 1024;

/// The logs of all functions. Cheap to clone.
#[derive(Clone)]
pub struct FunctionLogs {
    root: PathBuf,
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

enum Message {
    Lines { directory: PathBuf, file: String, lines: Vec<u8> },
    Settle(mpsc::Sender<()>),
    Flush(mpsc::Sender<()>),
}

/// Part of a function's log.
pub struct LogChunk {
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Where the next chunk begins: stream file and offset.
    pub position: LogPosition,
}

/// How far a reader has come in each stream.
pub type LogPosition = HashMap<String, u64>;

impl FunctionLogs {
    /// Starts the thread.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        create_private(root)?;
        let (queue, messages) = mpsc::sync_channel(QUEUE_MAX);
        std::thread::Builder::new()
            .name("function-logs".into())
            .spawn(move || run(&messages))
            .map_err(at(root))?;
        Ok(Self { root: root.to_owned(), queue, dropped: Arc::default() })
    }

    /// Blocks of lines that were dropped because the disk could not keep up.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything appended so far can be read.
    pub fn settle(&self) {
        self.send_and_wait(Message::Settle);
    }

    /// Waits until everything appended so far is on disk.
    pub fn flush(&self) {
        self.send_and_wait(Message::Flush);
    }

    fn send_and_wait(&self, message: fn(mpsc::Sender<()>) -> Message) {
        let (done, wait) = mpsc::channel();
        if self.queue.send(message(done)).is_ok() {
            let _ = wait.recv();
        }
    }

    /// Whether the function has printed anything that is kept.
    pub fn exist(&self, key: &FunctionKey) -> bool {
        self.directory(key).is_dir()
    }

    /// What was printed since `position`, streams in the order of their beginning, at most about 1 MiB.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self, key: &FunctionKey, mut position: LogPosition) -> Result<LogChunk, StoreError> {
        let mut bytes = Vec::new();
        for path in streams(&self.directory(key)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let offset = position.entry(name).or_default();
            let mut file = File::open(&path).map_err(at(&path))?;
            file.seek(SeekFrom::Start(*offset)).map_err(at(&path))?;
            let room = CHUNK_BYTES_MAX.saturating_sub(bytes.len() as u64);
            let read = file.take(room).read_to_end(&mut bytes).map_err(at(&path))?;
            *offset += read as u64;
        }
        Ok(LogChunk { bytes, position })
    }

    fn directory(&self, key: &FunctionKey) -> PathBuf {
        self.root.join(&key.account_id).join(&key.region).join(&key.name)
    }
}

impl LogSink for FunctionLogs {
    fn append(&self, key: &FunctionKey, stream: &str, lines: &[u8]) {
        // A stream's name has slashes and brackets; as a file name it keeps its order.
        let file = stream.replace('/', "-");
        let message = Message::Lines { directory: self.directory(key), file, lines: lines.to_vec() };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(message) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Files of a function's streams, oldest first.
fn streams(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.created().ok()?, entry.path())))
        .collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

fn run(messages: &mpsc::Receiver<Message>) {
    let mut files = OpenFiles::default();
    let mut sync_at: Option<Instant> = None;
    loop {
        let wait =
            sync_at.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        match messages.recv_timeout(wait) {
            Ok(Message::Lines { directory, file, lines }) => {
                if let Err(error) = files.append(&directory, &file, &lines) {
                    tracing::warn!(%error, "function log not written");
                }
                sync_at.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
            }
            Ok(Message::Settle(done)) => drop(done.send(())),
            Ok(Message::Flush(done)) => {
                files.sync();
                sync_at = None;
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => {
                files.sync();
                sync_at = None;
            }
            Err(RecvTimeoutError::Disconnected) => return files.sync(),
        }
    }
}

#[derive(Default)]
struct OpenFiles {
    files: HashMap<PathBuf, OpenFile>,
}

struct OpenFile {
    file: File,
    bytes: u64,
    unsynced: bool,
}

impl OpenFiles {
    fn append(&mut self, directory: &Path, file: &str, lines: &[u8]) -> Result<(), StoreError> {
        let path = directory.join(file);
        if !self.files.contains_key(&path) {
            self.open(directory, &path)?;
        }
        let Some(open) = self.files.get_mut(&path) else { return Ok(()) };
        if open.bytes + lines.len() as u64 > STREAM_BYTES_MAX {
            return Ok(());
        }
        open.file.write_all(lines).map_err(at(&path))?;
        open.bytes += lines.len() as u64;
        open.unsynced = true;
        Ok(())
    }

    fn open(&mut self, directory: &Path, path: &Path) -> Result<(), StoreError> {
        if self.files.len() >= OPEN_FILES_MAX {
            self.sync();
            self.files.clear();
        }
        create_private(directory)?;
        if !path.exists() {
            make_room(directory);
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(at(path))?;
        let bytes = file.metadata().map_err(at(path))?.len();
        self.files.insert(path.to_owned(), OpenFile { file, bytes, unsynced: false });
        Ok(())
    }

    fn sync(&mut self) {
        for open in self.files.values_mut().filter(|open| open.unsynced) {
            open.unsynced = false;
            if let Err(error) = open.file.sync_data() {
                tracing::warn!(%error, "function log not synced");
            }
        }
    }
}

/// Removes the oldest streams of a function that has too much.
fn make_room(directory: &Path) {
    let sizes: Vec<(PathBuf, u64)> = streams(directory)
        .into_iter()
        .filter_map(|path| fs::metadata(&path).ok().map(|data| (path, data.len())))
        .collect();
    let mut total: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    for (path, bytes) in sizes {
        if total <= FUNCTION_BYTES_MAX {
            return;
        }
        let _ = fs::remove_file(path);
        total -= bytes;
    }
}
