//! Room for environments on this host: how many there may be, and whether memory and disk allow one more.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::configuration::Budgets;

/// Counts environments and looks at the host before one more is started.
pub(crate) struct Budget {
    limits: Budgets,
    data_dir: PathBuf,
    environments: AtomicUsize,
    returned: Notify,
}

/// Room for one environment; given back when dropped.
pub(crate) struct Room(Arc<Budget>);

impl Budget {
    pub(crate) fn new(limits: Budgets, data_dir: PathBuf) -> Arc<Self> {
        Arc::new(Self { limits, data_dir, environments: AtomicUsize::new(0), returned: Notify::new() })
    }

    /// Takes room for one environment, if there is any.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Room> {
        let taken = self.environments.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < self.limits.environments_max).then_some(count + 1)
        });
        let room = taken.ok().map(|_| Room(Arc::clone(self)))?;
        self.host_has_room().then_some(room)
    }

    /// Completes when room is given back after this call.
    pub(crate) fn room_returned(&self) -> tokio::sync::futures::Notified<'_> {
        self.returned.notified()
    }

    /// Environments that hold room now.
    pub(crate) fn in_use(&self) -> usize {
        self.environments.load(Ordering::Acquire)
    }

    /// Whether there would be room for an environment beside one that comes next: what is made ahead takes from nobody.
    pub(crate) fn has_room_to_spare(&self) -> bool {
        let reserve = self.limits.memory_reserve_bytes.saturating_mul(2);
        self.host_has_room() && memory_available_bytes().is_none_or(|available| available >= reserve)
    }

    fn host_has_room(&self) -> bool {
        // A host that does not tell is not held against the function.
        let memory = memory_available_bytes().unwrap_or(u64::MAX);
        let disk = disk_free_bytes(&self.data_dir).unwrap_or(u64::MAX);
        memory >= self.limits.memory_reserve_bytes && disk >= self.limits.disk_reserve_bytes
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.environments.fetch_sub(1, Ordering::AcqRel);
        self.0.returned.notify_waiters();
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(environments_max: usize, memory_reserve_bytes: u64) -> Arc<Budget> {
        Budget::new(Budgets { environments_max, memory_reserve_bytes, disk_reserve_bytes: 0 }, "/".into())
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let budget = budget(2, 0);
        let first = budget.take();
        let second = budget.take();
        assert!(first.is_some() && second.is_some() && budget.take().is_none());
        drop(first);
        assert!(budget.take().is_some());
    }

    #[test]
    fn a_host_without_memory_has_no_room_and_keeps_none() {
        let budget = budget(2, u64::MAX);
        assert!(budget.take().is_none());
        assert_eq!(budget.environments.load(Ordering::Acquire), 0);
    }
}
