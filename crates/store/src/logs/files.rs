//! The files of log streams, as the one thread that writes them sees them.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use lambda_model::error::with_causes;

use crate::{StoreError, data_dir::sync_directory, error::at};

/// Open files.
const OPEN_FILES_MAX: usize = 256;

/// How much is kept.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// All files of one function, bytes; beyond, the oldest are removed until a quarter is free.
    pub(super) function_bytes_max: u64,
    /// One file, bytes; beyond, the stream goes on in another.
    pub(super) file_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { function_bytes_max: 256 * 1024 * 1024, file_bytes_max: 16 * 1024 * 1024 }
    }
}

/// All files.
pub(super) struct LogFiles {
    root: PathBuf,
    bounds: Bounds,
    /// By function and stream.
    open: HashMap<PathBuf, OpenFile>,
    /// Bytes of all files of a function.
    bytes_of: HashMap<PathBuf, u64>,
    /// Directories with names in them that are not durable yet.
    unsynced_directories: BTreeSet<PathBuf>,
    /// Unix time in milliseconds, and how many names it has given.
    last_name: (u128, u32),
}

struct OpenFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    is_unsynced: bool,
}

impl LogFiles {
    pub(super) fn new(root: PathBuf, bounds: Bounds) -> Self {
        Self {
            root,
            bounds,
            open: HashMap::new(),
            bytes_of: HashMap::new(),
            unsynced_directories: BTreeSet::new(),
            last_name: (0, 0),
        }
    }

    /// Appends to a stream of a function. `function` is its directory below the root.
    pub(super) fn append(&mut self, function: &Path, stream: &str, lines: &[u8]) -> Result<(), StoreError> {
        let bytes = lines.len() as u64;
        self.make_room(function, bytes)?;
        let key = function.join(stream);
        let is_full = |open: &OpenFile| open.bytes > 0 && open.bytes + bytes > self.bounds.file_bytes_max;
        let open = match self.open.get_mut(&key) {
            Some(open) if !is_full(open) => open,
            _ => self.open_next(function, stream)?,
        };
        open.file.write_all(lines).map_err(at(&open.path))?;
        open.bytes += bytes;
        open.is_unsynced = true;
        *self.bytes_of.entry(function.to_owned()).or_default() += bytes;
        Ok(())
    }

    /// Makes the next file of a stream.
    fn open_next(&mut self, function: &Path, stream: &str) -> Result<&mut OpenFile, StoreError> {
        if self.open.len() >= OPEN_FILES_MAX {
            self.sync();
            self.open.clear();
        }
        let directory = self.create_directory(function)?;
        let path = directory.join(self.next_name(stream));
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(at(&path))?;
        self.unsynced_directories.insert(directory);
        let open = OpenFile { file, path, bytes: 0, is_unsynced: false };
        let entry = self.open.entry(function.join(stream));
        Ok(entry.insert_entry(open).into_mut())
    }

    /// A name that no file had before, and that sorts behind those of all before.
    fn next_name(&mut self, stream: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.last_name = match self.last_name {
            (last, count) if last >= now => (last, count + 1),
            _ => (now, 0),
        };
        format!("{:013}-{:06}-{stream}", self.last_name.0, self.last_name.1)
    }

    /// Makes the directory of a function, but never the root: where that is gone, so are the logs.
    fn create_directory(&mut self, function: &Path) -> Result<PathBuf, StoreError> {
        let mut directory = self.root.clone();
        for part in function {
            let parent = directory.clone();
            directory.push(part);
            match DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => drop(self.unsynced_directories.insert(parent)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at(&directory)(error)),
            }
        }
        Ok(directory)
    }

    /// Removes the oldest files of a function where `wanted` bytes more would be too much.
    fn make_room(&mut self, function: &Path, wanted: u64) -> Result<(), StoreError> {
        let directory = self.root.join(function);
        let known = self.bytes_of.get(function).copied();
        let mut total =
            known.unwrap_or_else(|| oldest_first(&directory).iter().map(|path| bytes_in(path)).sum());
        if total + wanted > self.bounds.function_bytes_max {
            // Exact again, and some room at once: not for each block anew.
            let files = oldest_first(&directory);
            total = files.iter().map(|path| bytes_in(path)).sum();
            for path in files {
                if total + wanted <= self.bounds.function_bytes_max / 4 * 3 {
                    break;
                }
                total -= bytes_in(&path);
                fs::remove_file(&path).map_err(at(&path))?;
                self.open.retain(|_, open| open.path != path);
            }
        }
        self.bytes_of.insert(function.to_owned(), total);
        Ok(())
    }

    /// Waits until everything is on disk: contents, and the names under which they are found.
    pub(super) fn sync(&mut self) {
        for open in self.open.values_mut().filter(|open| open.is_unsynced) {
            open.is_unsynced = false;
            if let Err(error) = open.file.sync_data() {
                tracing::warn!(%error, "function log not synced");
            }
        }
        for directory in std::mem::take(&mut self.unsynced_directories) {
            if let Err(error) = sync_directory(&directory) {
                tracing::warn!(error = with_causes(&error), "function log not synced");
            }
        }
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.bytes_of.clear();
        self.unsynced_directories.clear();
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(%error, "function log not removed");
            }
        }
    }
}

/// Files in a directory in the order in which they were begun, which is that of their names.
pub(super) fn oldest_first(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn bytes_in(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
