//! Doors for the fuzz targets of `fuzz/`, built by them only (`cfg(fuzzing)`).

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::code_packages::CodePackages;

/// Takes a package in; whatever becomes of it, nothing is outside of the place of packages.
pub fn intake(zip: &[u8]) {
    let root = Path::new("/dev/shm").join(format!("lambent-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).unwrap();
    let packages = CodePackages::open(&root.join("a/b/code")).unwrap();
    let _ = packages.intake_now(zip);
    assert_eq!(entries(&root), [root.join("a")]);
    assert_eq!(entries(&root.join("a")), [root.join("a/b")]);
    assert_eq!(entries(&root.join("a/b")), [root.join("a/b/code")]);
    fs::remove_dir_all(&root).unwrap();
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
