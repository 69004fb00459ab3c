//! From the bytes of an upload to a directory. Everything that can be refused from the listing is refused before the first write;
//! what only reading shows (a wrong checksum, a size that lies) stops the writing, and the caller removes what there is.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{Cursor, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use lambda_model::limits::UNZIPPED_PACKAGE_BYTES_MAX;
use zip::{CompressionMethod, ZipArchive};

use super::{
    PackageError,
    entries::{self, EntryKind, refused},
};
use crate::error::at;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Most that deflate can make of a byte is 1,032; a file that claims more lies.
const RATIO_MAX: u64 = 1_100;

struct Entry {
    index: usize,
    path: Vec<String>,
    kind: EntryKind,
}

/// Unpacks into `tree`, which must not exist: directories 0755, files 0644 or 0755, whatever the upload says.
pub(super) fn unpack(zip: &[u8], tree: &Path) -> Result<(), PackageError> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| refused())?;
    let entries = list(zip, &mut archive)?;
    let layout: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.kind.clone())).collect();
    entries::check_layout(&layout)?;
    create_directory(tree)?;
    let mut room = UNZIPPED_PACKAGE_BYTES_MAX;
    for entry in &entries {
        let path = join(tree, &entry.path);
        match &entry.kind {
            EntryKind::Directory => create_directory(&path)?,
            EntryKind::File { executable } => {
                create_parent(&path)?;
                room = write_file(&mut archive, entry.index, &path, *executable, room)?;
            }
            EntryKind::Symlink { .. } => {}
        }
    }
    // Links last: no file was written through one.
    for entry in &entries {
        if let EntryKind::Symlink { target } = &entry.kind {
            let path = join(tree, &entry.path);
            create_parent(&path)?;
            symlink(target, &path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// Bytes of a package's files when it is unpacked, as it declares them; they were checked when it was taken in.
pub(super) fn unpacked_bytes(zip: &[u8]) -> Option<u64> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).ok()?;
    (0..archive.len()).map(|index| archive.by_index_raw(index).ok().map(|file| file.size())).sum()
}

fn list(zip: &[u8], archive: &mut Archive<'_>) -> Result<Vec<Entry>, PackageError> {
    if archive.len() > entries::ENTRIES_MAX || archive.has_overlapping_files().map_err(|_| refused())? {
        return Err(refused());
    }
    if listed_entries(zip).is_some_and(|listed| listed != archive.len()) {
        // The library keeps one entry of each name; whoever else unpacks it may keep another.
        return Err(refused());
    }
    let mut declared = 0u64;
    let mut listed = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|_| refused())?;
        let known = matches!(file.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
        let plausible = file.size() <= file.compressed_size().saturating_mul(RATIO_MAX).saturating_add(64);
        if file.encrypted() || !known || !plausible {
            return Err(refused());
        }
        declared = declared.saturating_add(file.size());
        let path = entries::path_parts(file.name_raw())?;
        if path.is_empty() {
            continue;
        }
        let kind = if file.is_symlink() {
            let mut target = String::new();
            file.by_ref().take(4_096).read_to_string(&mut target).map_err(|_| refused())?;
            entries::check_symlink(&path, &target)?;
            EntryKind::Symlink { target }
        } else {
            match entries::kind(file.unix_mode(), file.is_dir())? {
                _ if file.is_dir() => EntryKind::Directory,
                Some(executable) => EntryKind::File { executable },
                None => EntryKind::Directory,
            }
        };
        listed.push(Entry { index, path, kind });
    }
    if declared > UNZIPPED_PACKAGE_BYTES_MAX { Err(too_large()) } else { Ok(listed) }
}

/// The number of entries that the end of the archive tells (APPNOTE 4.3.16); `None` when it is too large for that field.
fn listed_entries(zip: &[u8]) -> Option<usize> {
    const SIGNATURE: &[u8] = b"PK\x05\x06";
    let end = zip.windows(SIGNATURE.len()).rposition(|bytes| bytes == SIGNATURE)?;
    let count = u16::from_le_bytes(zip.get(end + 10..end + 12)?.try_into().ok()?);
    (count != u16::MAX).then_some(usize::from(count))
}

fn too_large() -> PackageError {
    PackageError::Refused(format!("Unzipped size must be smaller than {UNZIPPED_PACKAGE_BYTES_MAX} bytes"))
}

/// Writes one file of at most `room` bytes; returns the room that is left.
fn write_file(
    archive: &mut Archive<'_>,
    index: usize,
    path: &Path,
    executable: bool,
    room: u64,
) -> Result<u64, PackageError> {
    let mut source = archive.by_index(index).map_err(|_| refused())?;
    let declared = source.size();
    let mode = if executable { 0o755 } else { 0o644 };
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path).map_err(at(path))?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(at(path))?;
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0u64;
    loop {
        // The reader checks the CRC at the end of the file.
        let n = source.read(&mut buffer).map_err(|_| refused())?;
        if n == 0 {
            break;
        }
        written += n as u64;
        if written > room {
            return Err(too_large());
        }
        if written > declared {
            return Err(refused());
        }
        file.write_all(&buffer[..n]).map_err(at(path))?;
    }
    if written == declared { Ok(room - written) } else { Err(refused()) }
}

fn join(tree: &Path, parts: &[String]) -> PathBuf {
    parts.iter().fold(tree.to_owned(), |path, part| path.join(part))
}

fn create_parent(path: &Path) -> Result<(), PackageError> {
    path.parent().map_or(Ok(()), create_directory)
}

/// Whatever the umask: the environment's user must be able to read it.
fn create_directory(path: &Path) -> Result<(), PackageError> {
    if path.is_dir() {
        return Ok(());
    }
    create_parent(path)?;
    DirBuilder::new().mode(0o755).create(path).map_err(at(path))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(at(path))?)
}
