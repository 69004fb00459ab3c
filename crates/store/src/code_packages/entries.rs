//! What the entries of an upload may be called and be, decided before anything is written.

use std::collections::{HashMap, HashSet};

use super::PackageError;

/// Entries of one package.
pub(super) const ENTRIES_MAX: usize = 100_000;
/// Bytes of one path; the kernel takes 4,096 and the package lies below the data directory.
const PATH_BYTES_MAX: usize = 2_048;
/// Bytes of one name (NAME_MAX).
const NAME_BYTES_MAX: usize = 255;
/// Directories below each other.
const DEPTH_MAX: usize = 100;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryKind {
    File { executable: bool },
    Directory,
    Symlink { target: String },
}

/// AWS's answer to a package that it cannot take, whatever the reason.
pub(super) fn refused() -> PackageError {
    PackageError::Refused(
        "Could not unzip uploaded file. Please check your file, then try to upload again.".into(),
    )
}

/// The parts of an entry's path: relative, plain, within bounds.
pub(super) fn path_parts(raw: &[u8]) -> Result<Vec<String>, PackageError> {
    let text = std::str::from_utf8(raw).map_err(|_| refused())?;
    let forbidden = text.starts_with('/') || text.contains('\\') || text.contains('\0');
    let has_drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if forbidden || has_drive || text.len() > PATH_BYTES_MAX {
        return Err(refused());
    }
    let parts: Vec<String> =
        text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
    let plain = parts.iter().all(|part| part != ".." && part.len() <= NAME_BYTES_MAX);
    if !plain || parts.len() > DEPTH_MAX { Err(refused()) } else { Ok(parts) }
}

/// Kind of an entry from its Unix mode. Special files are refused; setuid, setgid and sticky bits are not looked at.
pub(super) fn kind(mode: Option<u32>, is_directory: bool) -> Result<Option<bool>, PackageError> {
    const FORMAT: u32 = 0o170_000;
    match mode.map(|mode| mode & FORMAT) {
        None | Some(0o100_000 | 0) => Ok(Some(mode.is_some_and(|mode| mode & 0o111 != 0))),
        Some(0o040_000) if is_directory => Ok(None),
        Some(0o040_000) => Ok(Some(true)),
        _ => Err(refused()),
    }
}

/// Whether a link at `link` may point to `target`: relative, not above the package, and with `..` only at the front. The parents of
/// a link are real directories, so that what the text says is where the kernel goes.
pub(super) fn check_symlink(link: &[String], target: &str) -> Result<(), PackageError> {
    if target.is_empty() || target.starts_with('/') || target.contains('\0') || target.len() > PATH_BYTES_MAX
    {
        return Err(refused());
    }
    let parts: Vec<&str> = target.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let ups = parts.iter().take_while(|part| **part == "..").count();
    let later_up = parts[ups..].contains(&"..");
    if later_up || ups > link.len() - 1 { Err(refused()) } else { Ok(()) }
}

/// Refuses two entries of one name, files below what is not a directory, and more directories than a package may have entries: one
/// deep path a file makes hundreds.
pub(super) fn check_layout(entries: &[(Vec<String>, EntryKind)]) -> Result<(), PackageError> {
    let mut seen: HashMap<&[String], &EntryKind> = HashMap::new();
    let mut directories: HashSet<&[String]> = HashSet::new();
    for (path, kind) in entries {
        let again = seen.insert(path, kind);
        let both_directories = again == Some(&EntryKind::Directory) && *kind == EntryKind::Directory;
        if again.is_some() && !both_directories {
            return Err(refused());
        }
        // Upwards, as far as nobody went before.
        let mut parents = (1..path.len()).rev().map(|depth| &path[..depth]);
        while parents.next().is_some_and(|parent| directories.insert(parent)) {}
        if directories.len() > ENTRIES_MAX {
            return Err(refused());
        }
    }
    let is_solid = |path: &&[String]| seen.get(*path).is_some_and(|kind| **kind != EntryKind::Directory);
    if directories.iter().any(is_solid) { Err(refused()) } else { Ok(()) }
}
