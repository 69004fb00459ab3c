//! What was compiled of packages, beside them.
//!
//! ```text
//! code/<sha256>/compiled-<runtime>-<boot>/   the files of one runtime, under the paths that they would have in tree/
//! ```
//! Made from what is there, so never synced: after a reboot, and so after a power loss, it is not believed. It goes with its package.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use lambda_model::function::CodeReference;

use super::{CodePackages, INCOMING, Incoming, merged, name_of};
use crate::{StoreError, error::at};

const COMPILED: &str = "compiled-";

impl CodePackages {
    pub(super) fn place_of_compiled(&self, code: &CodeReference, runtime: &str) -> PathBuf {
        self.directory_of(&code.sha256_hex).join(format!("{COMPILED}{runtime}-{}", self.inner.boot_id))
    }

    /// Writes the files, and gives them their place when all of them are there.
    pub(super) fn store_compiled(
        &self,
        code: &CodeReference,
        runtime: &str,
        files: &[(PathBuf, &[u8])],
    ) -> Result<(), StoreError> {
        let incoming = Incoming { path: self.unique(INCOMING) };
        make_readable_directory(&incoming.path)?;
        for (path, contents) in files {
            let path = incoming.path.join(path);
            path.parent().map_or(Ok(()), make_readable_directory)?;
            fs::write(&path, contents).map_err(at(&path))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(at(&path))?;
        }
        self.remove_compiled_before(code, runtime)?;
        let place = self.place_of_compiled(code, runtime);
        match fs::rename(&incoming.path, &place) {
            Err(_) if place.is_dir() => Ok(()),
            renamed => renamed.map_err(at(&place)),
        }
    }

    /// Of earlier boots.
    fn remove_compiled_before(&self, code: &CodeReference, runtime: &str) -> Result<(), StoreError> {
        let (directory, now) = (self.directory_of(&code.sha256_hex), self.place_of_compiled(code, runtime));
        for entry in fs::read_dir(&directory).map_err(at(&directory))? {
            let path = entry.map_err(at(&directory))?.path();
            if path != now && name_of(&path).starts_with(&format!("{COMPILED}{runtime}-")) {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }

    /// Where what was compiled of these layers lies; laid over each other if need be.
    pub(super) fn compiled_of_layers(
        &self,
        layers: &[CodeReference],
        runtime: &str,
    ) -> Result<Option<PathBuf>, StoreError> {
        let places: Vec<PathBuf> =
            layers.iter().map(|layer| self.place_of_compiled(layer, runtime)).collect();
        match places.as_slice() {
            [] => Ok(None),
            places if !places.iter().all(|place| place.is_dir()) => Ok(None),
            [place] => Ok(Some(place.clone())),
            places => {
                let name = format!("{}-{runtime}", merged::name_of(layers));
                self.merge(name, layers, places).map(Some)
            }
        }
    }
}

/// Whatever the umask: the environment's user must be able to read it.
fn make_readable_directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), make_readable_directory)?;
    DirBuilder::new().mode(0o755).create(path).map_err(at(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(at(path))
}
