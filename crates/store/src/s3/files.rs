//! The files that hold bytes: written once, synced, never changed, removed when nobody has them any more.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::records::Segment;
use crate::{
    StoreError,
    data_dir::{create_private, random_hex, sync_directory},
    error::at,
};

/// Names of files are so many random bytes, in hex.
const NAME_BYTES: usize = 16;

/// All files of S3. Cheap to clone.
#[derive(Clone)]
pub struct ObjectFiles {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    /// Files that are read now, by how many, and whether they shall go afterwards.
    readers: Mutex<HashMap<String, Readers>>,
}

#[derive(Default)]
struct Readers {
    count: usize,
    is_doomed: bool,
}

impl ObjectFiles {
    /// Opens the directory, made if needed with all that is in it: a folder that were made with its first file would be one whose
    /// name another file's writer cannot know to be durable.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        create_private(directory)?;
        for folder in 0..=u8::MAX {
            let folder = directory.join(format!("{folder:02x}"));
            if !folder.is_dir() {
                create_private(&folder)?;
            }
        }
        sync_directory(directory)?;
        let inner = Inner { directory: directory.to_owned(), readers: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Begins a file. Blocks.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> Result<NewObjectFile, StoreError> {
        let name = random_hex::<NAME_BYTES>()?;
        let path = self.path(&name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(at(&path))?;
        Ok(NewObjectFile { files: self.clone(), name, file, size_bytes: 0, is_kept: false })
    }

    /// Keeps the files of these segments until the lease is dropped. Blocks.
    ///
    /// `None` when they are gone: whoever has the record should look for it again.
    #[must_use]
    pub fn lease(&self, segments: &[Segment]) -> Option<FileLease> {
        let mut readers = self.readers();
        if let Some(first) = segments.first()
            && !self.path(&first.file).exists()
        {
            return None;
        }
        for segment in segments {
            readers.entry(segment.file.clone()).or_default().count += 1;
        }
        let names = segments.iter().map(|segment| segment.file.clone()).collect();
        Some(FileLease { files: self.clone(), names })
    }

    /// Removes files that no row names any more; those that are read go when nobody reads them. Blocks.
    pub(crate) fn remove(&self, names: &[String]) {
        let mut readers = self.readers();
        for name in names {
            match readers.get_mut(name) {
                Some(readers) => readers.is_doomed = true,
                None => self.unlink(name),
            }
        }
    }

    /// Removes what a crash left: every file that is not in `named`.
    pub(crate) fn sweep(&self, named: &HashSet<String>) -> Result<(), StoreError> {
        for directory in entries(&self.inner.directory)? {
            for file in entries(&directory)? {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !named.contains(name) {
                    fs::remove_file(&file).map_err(at(&file))?;
                }
            }
        }
        Ok(())
    }

    fn release(&self, names: &[String]) {
        let mut readers = self.readers();
        for name in names {
            let Some(of_file) = readers.get_mut(name) else { continue };
            of_file.count -= 1;
            if of_file.count == 0 {
                let is_doomed = of_file.is_doomed;
                readers.remove(name);
                if is_doomed {
                    self.unlink(name);
                }
            }
        }
    }

    fn unlink(&self, name: &str) {
        let path = self.path(name);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "a file of a deleted object stays until the next start");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.directory.join(name.get(..2).unwrap_or("00")).join(name)
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Readers>> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps files while they are read.
pub struct FileLease {
    files: ObjectFiles,
    names: Vec<String>,
}

impl FileLease {
    /// Opens one of the leased files. Blocks.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, segment: &Segment) -> Result<File, StoreError> {
        let path = self.files.path(&segment.file);
        File::open(&path).map_err(at(&path))
    }
}

impl Drop for FileLease {
    fn drop(&mut self) {
        self.files.release(&self.names);
    }
}

/// A file that is being written. Dropped before it is kept, it is gone.
pub struct NewObjectFile {
    files: ObjectFiles,
    name: String,
    file: File,
    size_bytes: u64,
    is_kept: bool,
}

impl NewObjectFile {
    /// Appends. Blocks.
    ///
    /// # Errors
    /// When there is no room.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.size_bytes += bytes.len() as u64;
        let path = self.files.path(&self.name);
        self.file.write_all(bytes).map_err(at(&path))
    }

    /// Length so far, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Makes bytes and name durable. The file still goes when this is dropped before [`Self::keep`]. Blocks.
    ///
    /// # Errors
    /// When it cannot be synced.
    pub fn sync(&self) -> Result<(), StoreError> {
        let path = self.files.path(&self.name);
        self.file.sync_all().map_err(at(&path))?;
        sync_directory(path.parent().unwrap_or(&self.files.inner.directory))
    }

    /// Its name, for the row that it belongs to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on a row names it: to be called in the transaction that stores the row. Should that not be committed, the next start
    /// removes the file.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewObjectFile {
    fn drop(&mut self) {
        if !self.is_kept {
            self.files.unlink(&self.name);
        }
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(directory).map_err(at(directory))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(at(directory))).collect()
}
