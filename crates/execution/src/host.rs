//! What this machine has left, and what it had when somebody last looked.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Memory and disk at a time. A host that does not tell has enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resources {
    memory_bytes: u64,
    disk_bytes: u64,
}

impl Resources {
    /// Whether there is at least so much.
    pub(crate) fn has(self, memory_bytes: u64, disk_bytes: u64) -> bool {
        self.memory_bytes >= memory_bytes && self.disk_bytes >= disk_bytes
    }

    fn now(data_dir: &Path) -> Self {
        Self {
            memory_bytes: memory_available_bytes().unwrap_or(u64::MAX),
            disk_bytes: disk_free_bytes(data_dir).unwrap_or(u64::MAX),
        }
    }
}

/// The machine, as far as environments use it up.
pub(crate) struct Host {
    data_dir: PathBuf,
    last: Mutex<Resources>,
    is_looking: AtomicBool,
}

impl Host {
    /// Looks once.
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        let last = Mutex::new(Resources::now(&data_dir));
        Self { data_dir, last, is_looking: AtomicBool::new(false) }
    }

    /// What was there at the last look.
    pub(crate) fn last(&self) -> Resources {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks now.
    pub(crate) fn look(&self) -> Resources {
        let now = Resources::now(&self.data_dir);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
        now
    }

    /// Looks when it is nobody's turn: the next one who asks knows.
    pub(crate) fn look_soon(self: &Arc<Self>) {
        if self.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let host = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(LOOK_AFTER).await;
            host.is_looking.store(false, Ordering::Release);
            host.look();
        });
    }
}

/// Whoever asked has started by then.
const LOOK_AFTER: std::time::Duration = std::time::Duration::from_millis(10);

/// `MemAvailable` of proc_meminfo(5).
fn memory_available_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn disk_free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}
