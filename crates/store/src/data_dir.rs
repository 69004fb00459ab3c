//! The data directory: private, locked, with an id of its own.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{fs::FlockOperation, io::Errno};

use crate::{StoreError, error::at};

/// A locked data directory. The lock goes with the process, however it ends.
pub struct DataDir {
    path: PathBuf,
    id: String,
    _lock: File,
    /// Until it was removed.
    is_temporary: AtomicBool,
}

/// Where a data directory is.
pub struct OpenOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// A temporary directory instead, removed at the end.
    pub ephemeral: bool,
}

impl DataDir {
    /// Makes the directory if needed, and locks it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another server has it, or that it cannot be made.
    pub fn open(options: &OpenOptions) -> Result<Self, StoreError> {
        if options.ephemeral { Self::ephemeral() } else { Self::at(&options.data_dir, false) }
    }

    fn at(path: &Path, is_temporary: bool) -> Result<Self, StoreError> {
        create_durably(path)?;
        let path = fs::canonicalize(path).map_err(at(path))?;
        let lock = lock(&path)?;
        create_private(&path)?;
        let id = id(&path)?;
        Ok(Self { path, id, _lock: lock, is_temporary: is_temporary.into() })
    }

    /// A new directory below the system's temporary one, removed when dropped.
    fn ephemeral() -> Result<Self, StoreError> {
        let path = std::env::temp_dir().join(format!("lambent-{}", random_hex::<4>()?));
        Self::at(&path, true)
    }

    /// Absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names what this directory's server makes on the host: eight hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Removes a temporary directory, once everything in it is closed.
    pub(crate) fn end(&self) {
        if self.is_temporary.swap(false, Ordering::AcqRel)
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "temporary data directory not removed");
        }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes a directory whose entry, and those of all directories above it that were missing, survive a power loss: where one of
/// them is lost, so is everything below.
fn create_durably(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        None => return Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    let existed = path.is_dir();
    if !existed {
        create_durably(parent)?;
        create_private(path)?;
    }
    // Also where it was there already: whoever made it may have been killed before this.
    match sync_directory(parent) {
        // A directory that someone else gave us is theirs to keep.
        Err(StoreError::File { source, .. })
            if existed && source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Makes a directory that only its owner can enter; an existing one becomes so.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(at(path))
}

/// Makes an empty file that only its owner can read, if it does not exist.
pub(crate) fn create_private_file(path: &Path) -> Result<(), StoreError> {
    File::options().append(true).create(true).mode(0o600).open(path).map(drop).map_err(at(path))
}

/// Makes what was done to the directory's entries durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(at(path))
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(at(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            return Err(StoreError::Locked { path: directory.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(error) => return Err(at(&path)(error.into())),
    }
    file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(at(&path))?;
    writeln!(file, "{}", std::process::id()).map_err(at(&path))?;
    Ok(file)
}

/// Eight hex digits, made once. Mounts, cgroups and namespaces of the directory's server carry it. Not synced: a power loss leaves
/// nothing on the host that carries an id, so that another one does as well.
fn id(directory: &Path) -> Result<String, StoreError> {
    let path = directory.join("id");
    if let Ok(id) = fs::read_to_string(&path)
        && id.len() == 8
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Ok(id);
    }
    let id = random_hex::<4>()?;
    let mut options = File::options();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(at(&path))?;
    file.write_all(id.as_bytes()).map_err(at(&path))?;
    Ok(id)
}

/// So many random bytes in hex digits.
pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, StoreError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0u8; BYTES];
    File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(at(path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
