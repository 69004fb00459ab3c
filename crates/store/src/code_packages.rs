//! Code packages: content-addressed directories outside the database, unpacked once, shared read-only by all environments.
//!
//! ```text
//! code/<sha256>/package.zip   the upload; durable before anyone is told
//! code/<sha256>/tree/         its files; made from the zip, so never synced
//! code/<sha256>/boot          the boot in which tree/ was made: after a reboot, and so after a power loss, it is made again
//! code/<sha256>/compiled-*/   what was compiled of it; see [`compiled`]
//! code/.merged-<sha256>/      several trees as one; see [`merged`]
//! code/.incoming-*/           a package being taken in
//! code/.removed-*/            a package being removed; as the one above, gone when the store opens
//! ```
//! A package comes and goes by a rename of its directory: under its name it is whole, or not there.

mod compiled;
mod entries;
mod leases;
mod merged;
mod unpack;

use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use lambda_model::{
    error::with_causes,
    function::CodeReference,
    ports::{CodeDirectory, CodePackages as CodePackagesPort},
};
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    data_dir::{create_private, sync_directory},
    error::at,
};
use leases::Leases;
use merged::{MERGED, MergedDirectories};

pub use leases::CodeLease;

/// Names of directories that come and go.
const INCOMING: &str = ".incoming-";
const REMOVED: &str = ".removed-";

/// The code store. Cheap to clone.
#[derive(Clone)]
pub struct CodePackages {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    boot_id: String,
    /// Packages whose trees were found to be of this boot: they stay so for as long as the package does.
    good: Mutex<HashSet<String>>,
    leases: Arc<Leases>,
    /// One at a time makes trees again.
    remaking: Mutex<()>,
    /// Held while one is made.
    merged: Mutex<MergedDirectories>,
    /// One at a time removes packages.
    collecting: Mutex<()>,
    /// Tells directories apart that come or go.
    next_number: AtomicU64,
}

/// Why a package was not taken in. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The upload is not acceptable; the text is AWS's.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CodePackages {
    /// Opens the code store and removes what a crash left half taken in or half removed.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let boot_id = fs::read_to_string(boot).map_err(at(boot))?;
        Self::open_in_boot(root, boot_id.trim())
    }

    fn open_in_boot(root: &Path, boot_id: &str) -> Result<Self, StoreError> {
        create_private(root)?;
        for entry in fs::read_dir(root).map_err(at(root))? {
            let path = entry.map_err(at(root))?.path();
            let name = name_of(&path);
            if [INCOMING, REMOVED, MERGED].iter().any(|what| name.starts_with(what)) {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        let inner = Inner {
            root: root.to_owned(),
            boot_id: boot_id.to_owned(),
            good: Mutex::default(),
            leases: Arc::default(),
            remaking: Mutex::default(),
            merged: Mutex::default(),
            collecting: Mutex::default(),
            next_number: AtomicU64::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks, unpacks and stores an upload. The package stays while the lease is held, and after while a function names it.
    ///
    /// # Errors
    /// See [`PackageError`].
    pub async fn intake(&self, zip: Bytes) -> Result<CodeLease, PackageError> {
        let packages = self.clone();
        tokio::task::spawn_blocking(move || packages.intake_now(&zip))
            .await
            .map_err(|_| PackageError::Store(StoreError::Closed))?
    }

    pub(crate) fn intake_now(&self, zip: &[u8]) -> Result<CodeLease, PackageError> {
        if zip.is_empty() {
            return Err(PackageError::Refused("Uploaded file must be a non-empty zip".into()));
        }
        let lease = self.inner.leases.take(reference_to(zip));
        let directory = self.directory_of(&lease.reference().sha256_hex);
        if !directory.exists() {
            self.store(zip, &directory)?;
        } else if !fs::read(directory.join("package.zip")).is_ok_and(|stored| stored == zip) {
            self.mend(zip, &directory)?;
        }
        // The package's name, before a function refers to it; also when another upload of the same gave it a moment ago and has not
        // come this far.
        sync_directory(&self.inner.root)?;
        Ok(lease)
    }

    fn store(&self, zip: &[u8], directory: &Path) -> Result<(), PackageError> {
        let incoming = Incoming { path: self.unique(INCOMING) };
        create_private(&incoming.path)?;
        unpack::unpack(zip, &incoming.path.join("tree"))?;
        write_private(&incoming.path.join("boot"), self.inner.boot_id.as_bytes())?;
        // The content, before anything stands for it.
        let path = incoming.path.join("package.zip");
        write_private(&path, zip)?.sync_all().map_err(at(&path))?;
        // The zip's name in its directory, before the directory gets the name under which it is believed.
        sync_directory(&incoming.path)?;
        match fs::rename(&incoming.path, directory) {
            Ok(()) => Ok(()),
            // Another upload of the same came first.
            Err(_) if directory.join("package.zip").exists() => Ok(()),
            Err(error) => Err(at(directory)(error).into()),
        }
    }

    /// Puts the upload in the place of a zip that the disk has damaged. It was checked when it was stored, and the tree stays:
    /// something may run from it.
    fn mend(&self, zip: &[u8], directory: &Path) -> Result<(), StoreError> {
        tracing::error!(package = %directory.display(), "a damaged package is replaced by an upload of the same");
        let (new, stored) = (directory.join("package.zip.new"), directory.join("package.zip"));
        // As in `store`: content, then name.
        write_private(&new, zip)?.sync_all().map_err(at(&new))?;
        fs::rename(&new, &stored).map_err(at(&stored))?;
        sync_directory(directory)
    }

    /// Bytes of the package's files when it is unpacked.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub async fn unpacked_bytes(&self, sha256_hex: &str) -> Result<u64, StoreError> {
        let (packages, name) = (self.clone(), sha256_hex.to_owned());
        tokio::task::spawn_blocking(move || {
            let zip = packages.zip_now(&name)?;
            Ok(zip.and_then(|zip| unpack::unpacked_bytes(&zip)).unwrap_or(0))
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }

    /// The upload as it came, or `None` when there is no such package.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub async fn zip(&self, sha256_hex: &str) -> Result<Option<Bytes>, StoreError> {
        let (packages, name) = (self.clone(), sha256_hex.to_owned());
        tokio::task::spawn_blocking(move || packages.zip_now(&name)).await.map_err(|_| StoreError::Closed)?
    }

    fn zip_now(&self, sha256_hex: &str) -> Result<Option<Bytes>, StoreError> {
        if !is_package_name(sha256_hex) {
            return Ok(None);
        }
        let path = self.directory_of(sha256_hex).join("package.zip");
        match fs::read(&path) {
            Ok(zip) if reference_to(&zip).sha256_hex == sha256_hex => Ok(Some(zip.into())),
            Ok(_) => Err(StoreError::DamagedPackage { path, what: "does not match its name" }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Removes packages that are neither referenced nor leased. Whoever stores a reference holds a lease until it is committed: the
    /// package is found by `referenced`, or was leased while that was asked.
    pub(crate) fn collect(
        &self,
        referenced: impl FnOnce() -> Result<HashSet<String>, StoreError>,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.inner.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut candidates = self.names()?;
        self.inner.leases.begin_collection();
        let referenced = referenced()?;
        candidates.retain(|name| !referenced.contains(name));
        let mut removed = Vec::new();
        self.inner.leases.end_collection(candidates, |name| {
            self.good().remove(name);
            let aside = self.unique(REMOVED);
            match fs::rename(self.directory_of(name), &aside) {
                Ok(()) => removed.push(aside),
                Err(error) => tracing::warn!(package = name, %error, "unused code not removed"),
            }
        });
        let mut merged = self.inner.merged.lock().unwrap_or_else(PoisonError::into_inner);
        for name in merged.take_broken(|package| self.directory_of(package).exists()) {
            let path = self.inner.root.join(name);
            let aside = self.unique(REMOVED);
            fs::rename(&path, &aside).map_err(at(&path))?;
            removed.push(aside);
        }
        drop(merged);
        // What is large takes its time, and holds up nobody.
        removed.iter().try_for_each(|path| fs::remove_dir_all(path).map_err(at(path)))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let root = &self.inner.root;
        let mut names = Vec::new();
        for entry in fs::read_dir(root).map_err(at(root))? {
            names.push(name_of(&entry.map_err(at(root))?.path()));
        }
        names.retain(|name| is_package_name(name));
        Ok(names)
    }

    /// Makes the tree of a package again from its zip.
    fn remake_tree(&self, sha256_hex: &str) -> Result<(), StoreError> {
        let _one_at_a_time = self.inner.remaking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.tree_is_good(sha256_hex) {
            return Ok(());
        }
        let directory = self.directory_of(sha256_hex);
        let damaged = |what| StoreError::DamagedPackage { path: directory.clone(), what };
        let zip = self.zip_now(sha256_hex)?.ok_or_else(|| damaged("is gone"))?;
        let tree = directory.join("tree");
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(at(&tree))?;
        }
        unpack::unpack(&zip, &tree).map_err(|error| match error {
            PackageError::Store(error) => error,
            PackageError::Refused(_) => damaged("can no longer be unpacked"),
        })?;
        write_private(&directory.join("boot"), self.inner.boot_id.as_bytes()).map(drop)
    }

    /// The directory with these trees in it, made if need be. Their packages, those of the layers, are leased.
    fn merge(
        &self,
        name: String,
        layers: &[CodeReference],
        trees: &[PathBuf],
    ) -> Result<PathBuf, StoreError> {
        let path = self.inner.root.join(&name);
        let mut made = self.inner.merged.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(&name) {
            let incoming = Incoming { path: self.unique(INCOMING) };
            merged::merge(trees, &incoming.path)?;
            fs::rename(&incoming.path, &path).map_err(at(&path))?;
            made.add(name, layers);
        }
        Ok(path)
    }

    fn tree_is_good(&self, sha256_hex: &str) -> bool {
        if self.good().contains(sha256_hex) {
            return true;
        }
        let directory = self.directory_of(sha256_hex);
        let boot = fs::read_to_string(directory.join("boot"));
        let is_good =
            boot.is_ok_and(|boot_id| boot_id == self.inner.boot_id) && directory.join("tree").is_dir();
        if is_good {
            self.good().insert(sha256_hex.to_owned());
        }
        is_good
    }

    fn good(&self) -> MutexGuard<'_, HashSet<String>> {
        self.inner.good.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory_of(&self, sha256_hex: &str) -> PathBuf {
        self.inner.root.join(sha256_hex)
    }

    fn unique(&self, what: &str) -> PathBuf {
        self.inner.root.join(format!("{what}{}", self.inner.next_number.fetch_add(1, Ordering::Relaxed)))
    }
}

impl CodePackagesPort for CodePackages {
    fn at_hand(&self, code: &CodeReference) -> Option<CodeDirectory> {
        let lease = self.inner.leases.take(code.clone());
        let path = self.directory_of(&code.sha256_hex).join("tree");
        self.tree_is_good(&code.sha256_hex).then(|| CodeDirectory { path, lease: Box::new(lease) })
    }

    fn directory(&self, code: &CodeReference) -> Result<CodeDirectory, String> {
        let lease = self.inner.leases.take(code.clone());
        if !self.tree_is_good(&code.sha256_hex) {
            self.remake_tree(&code.sha256_hex).map_err(|error| with_causes(&error))?;
        }
        let path = self.directory_of(&code.sha256_hex).join("tree");
        Ok(CodeDirectory { path, lease: Box::new(lease) })
    }

    fn layers(&self, layers: &[CodeReference]) -> Result<Option<CodeDirectory>, String> {
        let directories = layers.iter().map(|layer| self.directory(layer)).collect::<Result<Vec<_>, _>>()?;
        if directories.len() < 2 {
            return Ok(directories.into_iter().next());
        }
        let (trees, leases): (Vec<_>, Vec<_>) =
            directories.into_iter().map(|directory| (directory.path, directory.lease)).unzip();
        let path =
            self.merge(merged::name_of(layers), layers, &trees).map_err(|error| with_causes(&error))?;
        Ok(Some(CodeDirectory { path, lease: Box::new(leases) }))
    }

    fn compiled(&self, code: &CodeReference, runtime: &str) -> Option<PathBuf> {
        Some(self.place_of_compiled(code, runtime)).filter(|place| place.is_dir())
    }

    fn compiled_layers(&self, layers: &[CodeReference], runtime: &str) -> Result<Option<PathBuf>, String> {
        self.compiled_of_layers(layers, runtime).map_err(|error| with_causes(&error))
    }

    fn keep_compiled(
        &self,
        code: &CodeReference,
        runtime: &str,
        files: &[(PathBuf, &[u8])],
    ) -> Result<(), String> {
        self.store_compiled(code, runtime, files).map_err(|error| with_causes(&error))
    }
}

/// A directory that goes unless it was renamed away.
struct Incoming {
    path: PathBuf,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn reference_to(zip: &[u8]) -> CodeReference {
    let digest = Sha256::digest(zip);
    CodeReference {
        sha256_hex: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        code_sha256: BASE64_STANDARD.encode(digest),
        code_size_bytes: zip.len() as u64,
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_package_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes a file that only the server can read.
fn write_private(path: &Path, bytes: &[u8]) -> Result<fs::File, StoreError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(at(path))?;
    file.write_all(bytes).map_err(at(path))?;
    Ok(file)
}

#[cfg(test)]
mod tests;
