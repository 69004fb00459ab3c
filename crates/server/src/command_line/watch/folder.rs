//! The files of a folder: what they are like now, and the package made of them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Cursor, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};
use zip::{ZipWriter, write::SimpleFileOptions};

/// What is never deployed: it changes without a change of the code.
const LEFT_OUT: &[&str] = &[".git", "__pycache__", ".DS_Store"];

/// What tells whether a file was changed, by path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, Entry>);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Snapshot {
    /// Looks at every file below `dir`.
    ///
    /// # Errors
    /// When something of it cannot be looked at.
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for entry in WalkDir::new(dir).min_depth(1).into_iter().filter_entry(is_taken) {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                continue;
            }
            let path = entry.path().strip_prefix(dir).map_err(io::Error::other)?.to_owned();
            entries.insert(
                path,
                Entry {
                    mode: metadata.mode(),
                    inode: metadata.ino(),
                    bytes: metadata.size(),
                    changed: (metadata.ctime(), metadata.ctime_nsec()),
                },
            );
        }
        Ok(Self(entries))
    }
}

fn is_taken(entry: &DirEntry) -> bool {
    !LEFT_OUT.iter().any(|name| entry.file_name() == *name)
}

/// A package of the files.
///
/// # Errors
/// When one of them cannot be read.
pub(super) fn zip(dir: &Path, snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for relative in snapshot.0.keys() {
        let path = dir.join(relative);
        let metadata = fs::symlink_metadata(&path)?;
        let options = SimpleFileOptions::default().unix_permissions(metadata.permissions().mode() & 0o777);
        let name = relative.to_string_lossy();
        if metadata.is_symlink() {
            let target = fs::read_link(&path)?;
            writer.add_symlink(name, target.to_string_lossy(), options).map_err(io::Error::other)?;
        } else {
            writer.start_file(name, options).map_err(io::Error::other)?;
            writer.write_all(&fs::read(&path)?)?;
        }
    }
    Ok(writer.finish().map_err(io::Error::other)?.into_inner())
}
