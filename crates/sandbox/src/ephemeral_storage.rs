//! `/tmp` of a sandbox when the server is root: a sparse ext4 image of its own, on disk, bounded in bytes and inodes,
//! and not charged to the sandbox's memory limit as a tmpfs would be.
//!
//! ```text
//! template (mkfs, once per kind) ──copy of its few blocks──► image ──loop device──► detached mount ──► init
//! ```
//! The image loses its name as soon as its loop device has it, and the device frees itself with its last mount: whatever
//! ends a sandbox, and however, its `/tmp` is gone with it. A thread keeps a few mounts ready for each kind in use.

mod image;

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::SandboxError;
use crate::limits::{REFILL_QUIET, STORAGE_KINDS_MAX, STORAGE_READY_MAX};
use crate::spec::EphemeralStorage;
use image::ImageMaker;

/// What images are called before they lose their name.
const IMAGE_PREFIX: &str = "tmp-image-";

/// Mounts for `/tmp`, some of them made ahead.
#[derive(Debug)]
pub(crate) struct StoragePool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    maker: ImageMaker,
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ready: BTreeMap<EphemeralStorage, Vec<OwnedFd>>,
    closed: bool,
}

impl StoragePool {
    /// `None` where no ext4 image can be made: no mkfs.ext4, no loop devices.
    pub(crate) fn start(run_dir: &Path, data_dir_id: &str) -> Option<StoragePool> {
        let maker = ImageMaker::new(run_dir, data_dir_id)?;
        let shared = Arc::new(Shared { maker, state: Mutex::default(), wanted: Condvar::new() });
        let filling = Arc::clone(&shared);
        std::thread::Builder::new().name("tmp-images".into()).spawn(move || fill(&filling)).ok()?;
        Some(StoragePool { shared })
    }

    /// A mount of this kind: one that is ready, or one made now.
    pub(crate) fn take(&self, kind: EphemeralStorage) -> Result<OwnedFd, SandboxError> {
        let ready = {
            let mut state = self.shared.state();
            // The first request of a kind is what makes the thread keep some of it.
            let known = state.ready.len() < STORAGE_KINDS_MAX || state.ready.contains_key(&kind);
            known.then(|| state.ready.entry(kind).or_default().pop()).flatten()
        };
        self.shared.wanted.notify_one();
        match ready {
            Some(mount) => Ok(mount),
            None => self.shared.maker.make(kind),
        }
    }
}

impl Drop for StoragePool {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.ready.clear();
        self.shared.wanted.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The life of the thread: makes one mount at a time of whichever kind lacks one.
fn fill(shared: &Shared) {
    let mut state = shared.state();
    loop {
        if state.closed {
            return;
        }
        let fewest = state.ready.iter().min_by_key(|(_, ready)| ready.len());
        let lacking = fewest.filter(|(_, ready)| ready.len() < STORAGE_READY_MAX);
        let Some((kind, has_few)) = lacking.map(|(kind, ready)| (*kind, ready.len() < STORAGE_READY_MAX / 2))
        else {
            state = shared.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        if !has_few {
            let waited = shared.wanted.wait_timeout(state, REFILL_QUIET);
            let (after, quiet) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            if !quiet.timed_out() {
                continue;
            }
        }
        drop(state);
        let made = shared.maker.make(kind);
        state = shared.state();
        match made {
            Ok(mount) if !state.closed => state.ready.entry(kind).or_default().push(mount),
            Ok(_) => return,
            // Whoever needs one makes it and hears of the error; the thread forgets the kind until then.
            Err(_) => drop(state.ready.remove(&kind)),
        }
    }
}

/// Removes images that a dead server was just making. Returns how many.
pub(crate) fn remove_unfinished(run_dir: &Path) -> usize {
    let entries = fs::read_dir(run_dir).into_iter().flatten().flatten();
    let unfinished: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(IMAGE_PREFIX))
        .map(|entry| entry.path())
        .collect();
    unfinished.iter().filter(|path| fs::remove_file(path).is_ok()).count()
}
