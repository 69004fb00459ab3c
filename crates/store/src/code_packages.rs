//! Code packages: content-addressed directories outside the database, unpacked once, shared read-only by all environments.
//!
//! ```text
//! code/<sha256>/package.zip   the upload; durable before anyone is told
//! code/<sha256>/tree/         its files; made from the zip, so never synced
//! code/<sha256>/boot          the boot in which tree/ was made: after a reboot, and so after a power loss, it is made again
//! code/.incoming-*/           a package being taken in; removed when the store opens
//! ```

mod entries;
mod unpack;

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use lambda_model::{
    function::CodeReference,
    limits,
    ports::{CodeDirectory, CodePackages as CodePackagesPort},
};
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    data_dir::{create_private, sync_directory},
    error::at,
};

/// The code store. Cheap to clone.
#[derive(Clone)]
pub struct CodePackages {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    boot_id: String,
    /// Packages that must stay although no function may name them, and how often they are held.
    leases: Mutex<HashMap<String, usize>>,
    /// One at a time makes trees again.
    remaking: Mutex<()>,
}

/// Why a package was not taken in. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The upload is not acceptable; the text is AWS's.
    #[error("{0}")]
    Refused(String),
    /// The upload is larger than Lambda takes; the text is AWS's.
    #[error("{0}")]
    TooLarge(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a package from being collected.
pub struct CodeLease {
    reference: CodeReference,
    inner: Arc<Inner>,
}

impl CodeLease {
    /// The package.
    pub fn reference(&self) -> &CodeReference {
        &self.reference
    }
}

impl Drop for CodeLease {
    fn drop(&mut self) {
        let mut leases = self.inner.leases();
        if let Some(count) = leases.get_mut(&self.reference.sha256_hex) {
            *count -= 1;
            if *count == 0 {
                leases.remove(&self.reference.sha256_hex);
            }
        }
    }
}

impl Inner {
    fn leases(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self, sha256_hex: &str) -> PathBuf {
        self.root.join(sha256_hex)
    }
}

impl CodePackages {
    /// Opens the code store and removes what a crash left half taken in.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        create_private(root)?;
        for entry in fs::read_dir(root).map_err(at(root))? {
            let path = entry.map_err(at(root))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".incoming-")) {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let boot_id = fs::read_to_string(boot).map_err(at(boot))?.trim().to_owned();
        let inner =
            Inner { root: root.to_owned(), boot_id, leases: Mutex::default(), remaking: Mutex::default() };
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
        if zip.len() as u64 > limits::ZIPPED_PACKAGE_BYTES_MAX {
            return Err(PackageError::TooLarge(format!(
                "Zipped size must be smaller than {} bytes",
                limits::ZIPPED_PACKAGE_BYTES_MAX
            )));
        }
        let lease = self.lease(reference_to(zip));
        let directory = self.inner.directory(&lease.reference.sha256_hex);
        if !directory.join("package.zip").exists() {
            self.store(zip, &directory)?;
        }
        // Makes the package's name durable; also when somebody else gave it a moment ago and has not come this far.
        sync_directory(&self.inner.root)?;
        Ok(lease)
    }

    fn store(&self, zip: &[u8], directory: &Path) -> Result<(), PackageError> {
        let incoming = Incoming::create(&self.inner.root)?;
        unpack::unpack(zip, &incoming.path.join("tree"))?;
        write_private(&incoming.path.join("boot"), self.inner.boot_id.as_bytes(), false)?;
        write_private(&incoming.path.join("package.zip"), zip, true)?;
        // The zip's entry, before the directory gets the name under which it is believed.
        sync_directory(&incoming.path)?;
        match fs::rename(&incoming.path, directory) {
            Ok(()) => Ok(()),
            // Someone else took in the same package meanwhile.
            Err(_) if directory.join("package.zip").exists() => Ok(()),
            Err(error) => Err(PackageError::Store(at(directory)(error))),
        }
    }

    fn lease(&self, reference: CodeReference) -> CodeLease {
        *self.inner.leases().entry(reference.sha256_hex.clone()).or_default() += 1;
        CodeLease { reference, inner: Arc::clone(&self.inner) }
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
        let is_name = sha256_hex.len() == 64 && sha256_hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.inner.directory(sha256_hex).join("package.zip");
        if !is_name || !path.exists() {
            return Ok(None);
        }
        let zip = fs::read(&path).map_err(at(&path))?;
        if reference_to(&zip).sha256_hex != sha256_hex {
            return Err(StoreError::Damaged(format!("{} does not match its name", path.display())));
        }
        Ok(Some(zip.into()))
    }

    /// Removes packages that are neither referenced nor leased. `referenced` is asked while no lease can end, so that a package
    /// whose function was just committed is seen by one or the other.
    pub(crate) fn collect(
        &self,
        referenced: impl FnOnce() -> Result<HashSet<String>, StoreError>,
    ) -> Result<(), StoreError> {
        let leases = self.inner.leases();
        let referenced = referenced()?;
        let root = &self.inner.root;
        for entry in fs::read_dir(root).map_err(at(root))? {
            let path = entry.map_err(at(root))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let in_use = name.starts_with('.') || referenced.contains(&name) || leases.contains_key(&name);
            if !in_use {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }

    /// Makes the tree of a package again from its zip.
    fn remake_tree(&self, sha256_hex: &str) -> Result<(), StoreError> {
        let _one_at_a_time = self.inner.remaking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.tree_is_good(sha256_hex) {
            return Ok(());
        }
        let missing = || StoreError::Damaged(format!("package {sha256_hex} is missing"));
        let zip = self.zip_now(sha256_hex)?.ok_or_else(missing)?;
        let directory = self.inner.directory(sha256_hex);
        let tree = directory.join("tree");
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(at(&tree))?;
        }
        unpack::unpack(&zip, &tree).map_err(|error| match error {
            PackageError::Store(error) => error,
            PackageError::Refused(text) | PackageError::TooLarge(text) => StoreError::Damaged(text),
        })?;
        write_private(&directory.join("boot"), self.inner.boot_id.as_bytes(), false)
    }

    fn tree_is_good(&self, sha256_hex: &str) -> bool {
        let boot = self.inner.directory(sha256_hex).join("boot");
        fs::read_to_string(boot).is_ok_and(|boot_id| boot_id == self.inner.boot_id)
    }
}

impl CodePackagesPort for CodePackages {
    fn directory(&self, code: &CodeReference) -> Result<CodeDirectory, String> {
        let lease = self.lease(code.clone());
        if !self.tree_is_good(&code.sha256_hex) {
            self.remake_tree(&code.sha256_hex).map_err(|error| error.to_string())?;
        }
        Ok(CodeDirectory {
            path: self.inner.directory(&code.sha256_hex).join("tree"),
            lease: Box::new(lease),
        })
    }
}

/// A directory that goes unless it was renamed away.
struct Incoming {
    path: PathBuf,
}

impl Incoming {
    fn create(root: &Path) -> Result<Self, StoreError> {
        let path = root.join(format!(".incoming-{}-{}", std::process::id(), next_number()));
        create_private(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn reference_to(zip: &[u8]) -> CodeReference {
    let digest = Sha256::digest(zip);
    CodeReference {
        sha256_hex: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        code_sha256: BASE64_STANDARD.encode(digest),
        code_size_bytes: zip.len() as u64,
    }
}

/// Writes a file that only the server can read; `durable` waits until its content is on disk.
fn write_private(path: &Path, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(at(path))?;
    file.write_all(bytes).map_err(at(path))?;
    if durable {
        file.sync_all().map_err(at(path))?;
    }
    Ok(())
}
