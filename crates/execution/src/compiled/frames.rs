//! What a compiler prints: a frame for each file, and an empty one at the end. It may print anything.
//!
//! ```text
//! bytes of the path (4, little-endian) │ bytes of the file (4) │ path │ file
//! ```

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

const HEADER_BYTES: usize = 8;
/// The kernel's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

/// The files, by their paths, of which there are no more than so many, each of them one that the compiler would name.
///
/// # Errors
/// What is wrong with it, where a compiler that did what it should would not have printed it.
pub(super) fn files(
    mut output: &[u8],
    count_max: usize,
    is_product: fn(&Path) -> bool,
) -> Result<Vec<(PathBuf, &[u8])>, String> {
    let mut files = Vec::new();
    loop {
        let (path_bytes, file_bytes, rest) = header(output).ok_or("the compiler ended before it was done")?;
        if (path_bytes, file_bytes) == (0, 0) {
            return Ok(files);
        }
        let frame = rest.split_at_checked(path_bytes);
        let frame = frame.and_then(|(path, rest)| Some((path, rest.split_at_checked(file_bytes)?)));
        let (path, (file, rest)) = frame.ok_or("the compiler ended before it was done")?;
        let path =
            path_of(path, is_product).ok_or("the compiler names a file that is none of the package's")?;
        files.push((path, file));
        if files.len() > count_max {
            return Err("the compiler names more files than the package has sources".into());
        }
        output = rest;
    }
}

fn header(output: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (header, rest) = output.split_at_checked(HEADER_BYTES)?;
    let (path, file) = header.split_at(HEADER_BYTES / 2);
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize);
    Some((number(path)?, number(file)?, rest))
}

/// Below the folder, and nothing but what was compiled.
fn path_of(bytes: &[u8], is_product: fn(&Path) -> bool) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(bytes));
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let fits = bytes.len() < PATH_BYTES_MAX && !bytes.contains(&0);
    (is_below && fits && is_product(path)).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_bytecode(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "pyc")
    }

    fn frame(path: &str, file: &[u8]) -> Vec<u8> {
        let lengths = [path.len(), file.len()].map(|length| (length as u32).to_le_bytes());
        [&lengths.concat(), path.as_bytes(), file].concat()
    }

    #[test]
    fn files_come_with_their_paths() {
        let output = [frame("a/__pycache__/b.pyc", b"code"), frame("__pycache__/c.pyc", b""), frame("", b"")];
        let expected = vec![
            (PathBuf::from("a/__pycache__/b.pyc"), b"code".as_slice()),
            (PathBuf::from("__pycache__/c.pyc"), b"".as_slice()),
        ];
        assert_eq!(files(&output.concat(), 2, is_bytecode), Ok(expected));
        assert!(files(&output.concat(), 1, is_bytecode).is_err(), "one comes of each source");
    }

    #[test]
    fn a_compiler_that_died_has_compiled_nothing() {
        let output = [frame("__pycache__/a.pyc", b"code"), frame("", b"")].concat();
        for length in 0..output.len() {
            assert!(files(&output[..length], 2, is_bytecode).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_path_leads_nowhere_else() {
        for path in [
            "../__pycache__/a.pyc",
            "/__pycache__/a.pyc",
            "a/../../__pycache__/a.pyc",
            "__pycache__/a.py",
            "__pycache__/..",
            "__pycache__/a\0.pyc",
            "./__pycache__/a.pyc",
        ] {
            assert!(
                files(&[frame(path, b"code"), frame("", b"")].concat(), 2, is_bytecode).is_err(),
                "{path:?}"
            );
        }
    }
}
