//! What functions print: files per log stream, appended by one thread so that no environment waits for the disk.
//!
//! ```text
//! logs/<account>/<region>/<function>/<begun>-<stream>
//! ```
//! Lines are on disk within [`SYNC_INTERVAL`]; what a power cut takes is at most that much. A function's files are bounded together:
//! the oldest go first. Files and positions are this file's business and the thread's; readers get whole lines.

mod files;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use lambda_model::{error::with_causes, function::FunctionKey, ports::LogSink};

use crate::{StoreError, data_dir::create_private, error::at};
use files::{Bounds, LogFiles};

/// How long a line may wait to be on disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Blocks of lines that may wait for the thread; more are dropped and counted.
const QUEUE_MAX: usize = 4_096;
/// All their lines together, bytes; likewise.
const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// One answer to a reader, bytes; more than the longest line.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// The logs of all functions. Cheap to clone.
#[derive(Clone)]
pub struct FunctionLogs {
    root: PathBuf,
    queue: SyncSender<Message>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Bytes of lines that wait for the thread.
    waiting_bytes: AtomicUsize,
    /// Blocks of lines that were dropped.
    dropped: AtomicU64,
}

impl Counts {
    fn drop_block(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

enum Message {
    Lines { function: PathBuf, stream: String, lines: Vec<u8> },
    Settle(mpsc::Sender<()>),
    Flush(mpsc::Sender<()>),
    Clear(mpsc::Sender<()>),
}

/// Part of a function's log.
pub struct LogChunk {
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Where the next chunk begins.
    pub position: LogPosition,
}

/// How far a reader has come in each file; the default is the beginning.
pub type LogPosition = HashMap<String, u64>;

impl FunctionLogs {
    /// Starts the thread.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_bounded(root, Bounds::default())
    }

    fn open_bounded(root: &Path, bounds: Bounds) -> Result<Self, StoreError> {
        create_private(root)?;
        let (queue, messages) = mpsc::sync_channel(QUEUE_MAX);
        let counts = Arc::<Counts>::default();
        let thread = Thread {
            files: LogFiles::new(root.to_owned(), bounds),
            counts: Arc::clone(&counts),
            sync_at: None,
            is_failing: false,
        };
        std::thread::Builder::new()
            .name("function-logs".into())
            .spawn(move || thread.run(&messages))
            .map_err(at(root))?;
        Ok(Self { root: root.to_owned(), queue, counts })
    }

    /// Blocks of lines that were dropped because the disk could not keep up, or not be written.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything appended so far can be read. Blocks.
    pub fn settle(&self) {
        self.send_and_wait(Message::Settle);
    }

    /// Waits until everything appended so far is on disk. Blocks.
    pub fn flush(&self) {
        self.send_and_wait(Message::Flush);
    }

    /// Removes the logs of all functions. Blocks.
    pub fn clear(&self) {
        self.send_and_wait(Message::Clear);
    }

    fn send_and_wait(&self, message: fn(mpsc::Sender<()>) -> Message) {
        let (done, wait) = mpsc::channel();
        if self.queue.send(message(done)).is_ok() {
            let _ = wait.recv();
        }
    }

    /// Whether the function has printed anything that is kept.
    pub fn exist(&self, key: &FunctionKey) -> bool {
        self.root.join(directory_of(key)).is_dir()
    }

    /// What was printed since `position`, streams in the order of their beginning, at most about 1 MiB.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self, key: &FunctionKey, mut position: LogPosition) -> Result<LogChunk, StoreError> {
        let mut bytes = Vec::new();
        for path in files::oldest_first(&self.root.join(directory_of(key))) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let offset = position.entry(name).or_default();
            let room = CHUNK_BYTES_MAX.saturating_sub(bytes.len());
            *offset += read_lines(&path, *offset, room, &mut bytes).map_err(at(&path))? as u64;
        }
        Ok(LogChunk { bytes, position })
    }
}

/// Appends whole lines from `offset` on to `bytes`, at most `room` bytes of them. How many there were.
fn read_lines(path: &Path, offset: u64, room: usize, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let before = bytes.len();
    let mut file = match File::open(path) {
        // Removed to make room, since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(offset))?;
    file.take(room as u64).read_to_end(bytes)?;
    // What comes behind the last newline is still being written, or did not fit.
    let whole = bytes[before..].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    bytes.truncate(before + whole);
    Ok(whole)
}

fn directory_of(key: &FunctionKey) -> PathBuf {
    [&key.account_id, &key.region, &key.name].iter().collect()
}

impl LogSink for FunctionLogs {
    fn append(&self, key: &FunctionKey, stream: &str, lines: &[u8]) {
        let waiting = &self.counts.waiting_bytes;
        if waiting.fetch_add(lines.len(), Ordering::Relaxed) + lines.len() > QUEUE_BYTES_MAX {
            waiting.fetch_sub(lines.len(), Ordering::Relaxed);
            return self.counts.drop_block();
        }
        // A stream's name has slashes.
        let stream = stream.replace('/', "-");
        let message = Message::Lines { function: directory_of(key), stream, lines: lines.to_vec() };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(message) {
            waiting.fetch_sub(lines.len(), Ordering::Relaxed);
            self.counts.drop_block();
        }
    }
}

/// The thread that writes.
struct Thread {
    files: LogFiles,
    counts: Arc<Counts>,
    /// When what was written has to be on disk.
    sync_at: Option<Instant>,
    /// Whether the last block could not be written; said once, not for each.
    is_failing: bool,
}

impl Thread {
    fn run(mut self, messages: &mpsc::Receiver<Message>) {
        loop {
            // Asked first: a flood of lines must not put off the sync for ever.
            if self.sync_at.is_some_and(|at| at <= Instant::now()) {
                self.sync();
            }
            let message = match self.sync_at {
                Some(at) => messages.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
        }
    }

    fn handle(&mut self, message: Message) {
        let done = match message {
            Message::Lines { function, stream, lines } => {
                return self.append(&function, &stream, &lines);
            }
            Message::Settle(done) => done,
            Message::Flush(done) => {
                self.sync();
                done
            }
            Message::Clear(done) => {
                self.files.clear();
                done
            }
        };
        let _ = done.send(());
    }

    fn append(&mut self, function: &Path, stream: &str, lines: &[u8]) {
        let appended = self.files.append(function, stream, lines);
        self.counts.waiting_bytes.fetch_sub(lines.len(), Ordering::Relaxed);
        if let Err(error) = &appended {
            self.counts.drop_block();
            if !self.is_failing {
                tracing::warn!(error = with_causes(error), "function log not written");
            }
        }
        self.is_failing = appended.is_err();
        self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
    }

    fn sync(&mut self) {
        self.files.sync();
        self.sync_at = None;
    }
}

#[cfg(test)]
mod tests;
