//! The layers of a function in one directory, as `/opt` shows them: in order, later over earlier (Y-02).
//!
//! ```text
//! code/.merged-<sha256 of the list>/   hard links into the trees of the packages
//! ```
//! Made once per list of packages, when an environment first needs it; a start then costs nothing more, at any level of isolation.
//! It is made of what can be made again: it goes when the store opens, and with any of its packages.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use lambda_model::function::CodeReference;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

use crate::{StoreError, error::at};

/// First part of the names of merged directories.
pub(super) const MERGED: &str = ".merged-";

/// The directories that were made, each with the packages that it links to.
#[derive(Default)]
pub(super) struct MergedDirectories(HashMap<String, Vec<String>>);

impl MergedDirectories {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn add(&mut self, name: String, layers: &[CodeReference]) {
        self.0.insert(name, layers.iter().map(|layer| layer.sha256_hex.clone()).collect());
    }

    /// Takes out, and names, those of which a package is not there any more.
    pub(super) fn take_broken(&mut self, is_there: impl Fn(&str) -> bool) -> Vec<String> {
        let broken: Vec<String> = self
            .0
            .iter()
            .filter(|(_, packages)| !packages.iter().all(|package| is_there(package)))
            .map(|(name, _)| name.clone())
            .collect();
        broken.iter().for_each(|name| drop(self.0.remove(name)));
        broken
    }
}

/// The name of the directory of these layers.
pub(super) fn name_of(layers: &[CodeReference]) -> String {
    let mut digest = Sha256::new();
    layers.iter().for_each(|layer| digest.update(&layer.sha256_hex));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MERGED}{digest}")
}

/// Lays `trees` over each other in `target`, which must not exist.
pub(super) fn merge(trees: &[PathBuf], target: &Path) -> Result<(), StoreError> {
    make_directory(target)?;
    trees.iter().try_for_each(|tree| lay(tree, target))
}

/// Lays what is in `from` over what is in `to`.
fn lay(from: &Path, to: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(from).map_err(at(from))? {
        let source = entry.map_err(at(from))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        let is_directory = fs::symlink_metadata(&source).map_err(at(&source))?.is_dir();
        let below = fs::symlink_metadata(&target).ok();
        match (is_directory, below.map(|metadata| metadata.is_dir())) {
            (true, Some(true)) => {}
            (false, Some(true)) => fs::remove_dir_all(&target).map_err(at(&target))?,
            (_, Some(false)) => fs::remove_file(&target).map_err(at(&target))?,
            (_, None) => {}
        }
        if is_directory {
            if !target.exists() {
                make_directory(&target)?;
            }
            lay(&source, &target)?;
        } else {
            // A symbolic link is linked itself, not what it points to.
            fs::hard_link(&source, &target).map_err(at(&target))?;
        }
    }
    Ok(())
}

/// As directories of packages are, whatever the umask is.
fn make_directory(path: &Path) -> Result<(), StoreError> {
    fs::create_dir(path).map_err(at(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(at(path))
}

#[cfg(test)]
mod tests;
