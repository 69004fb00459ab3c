//! What this machine has left, and what it had when somebody last looked; and whether what runs waits for memory already.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Memory and disk at a time. A host that does not tell has enough, and nobody waits on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resources {
    memory_bytes: u64,
    disk_bytes: u64,
    /// Of the last ten seconds, those in which nothing ran since all waited for memory, per cent.
    memory_stall_percent: f64,
}

/// Beyond this one environment more makes all of them slower: what they use is read again and again.
const MEMORY_STALL_PERCENT_MAX: f64 = 10.0;

impl Resources {
    /// Whether there is at least so much.
    pub(crate) fn has(self, memory_bytes: u64, disk_bytes: u64) -> bool {
        self.memory_bytes >= memory_bytes
            && self.disk_bytes >= disk_bytes
            && self.memory_stall_percent <= MEMORY_STALL_PERCENT_MAX
    }

    fn now(data_dir: &Path) -> Self {
        Self {
            memory_bytes: memory_available_bytes().unwrap_or(u64::MAX),
            disk_bytes: disk_free_bytes(data_dir).unwrap_or(u64::MAX),
            memory_stall_percent: memory_stall_percent().unwrap_or(0.0),
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

/// `full avg10` of Pressure Stall Information, where the kernel has it.
fn memory_stall_percent() -> Option<f64> {
    stall_percent_of(&std::fs::read_to_string("/proc/pressure/memory").ok()?)
}

fn stall_percent_of(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("full avg10="))?;
    line.split(' ').next()?.parse().ok()
}

fn disk_free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_waits_for_memory_has_no_room() {
        let calm = Resources { memory_bytes: 2, disk_bytes: 2, memory_stall_percent: 10.0 };
        assert!(calm.has(2, 2) && !calm.has(3, 2) && !calm.has(2, 3));
        assert!(!Resources { memory_stall_percent: 10.1, ..calm }.has(0, 0));
    }

    #[test]
    fn pressure_is_read_as_the_kernel_writes_it() {
        let text = "some avg10=1.00 avg60=0.00 avg300=0.00 total=58285540\nfull avg10=12.50 avg60=0.00 avg300=0.00 total=3\n";
        assert_eq!(stall_percent_of(text), Some(12.5));
        assert_eq!(stall_percent_of(""), None);
    }
}
