//! Room for environments on this host: how many there may be, and whether memory and disk allow one more.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{configuration::Budgets, host::Host};

/// Counts environments and looks at the host before one more is started.
pub(crate) struct Budget {
    limits: Budgets,
    host: Arc<Host>,
    environments: AtomicUsize,
    /// Those of them that are ending.
    leaving: AtomicUsize,
    returned: Notify,
}

/// Room for one environment; given back when dropped.
pub(crate) struct Room {
    budget: Arc<Budget>,
    is_leaving: bool,
}

impl Room {
    /// Whoever has it is about to give it back.
    pub(crate) fn leaves(&mut self) {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.budget.leaving.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Budget {
    pub(crate) fn new(limits: Budgets, data_dir: PathBuf) -> Arc<Self> {
        let host = Arc::new(Host::new(data_dir));
        let (environments, leaving) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { limits, host, environments, leaving, returned: Notify::new() })
    }

    /// Takes room for one environment, if there is any.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Room> {
        let taken = self.environments.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < self.limits.environments_max).then_some(count + 1)
        });
        let room = taken.ok().map(|_| Room { budget: Arc::clone(self), is_leaving: false })?;
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

    /// Whether some room is about to be given back.
    pub(crate) fn is_room_coming(&self) -> bool {
        self.leaving.load(Ordering::Acquire) > 0
    }

    /// How many more there may be, as far as the count says.
    pub(crate) fn rooms_left(&self) -> usize {
        self.limits.environments_max.saturating_sub(self.in_use())
    }

    /// Whether there would be room for an environment beside one that comes next: what is made ahead takes from nobody.
    pub(crate) fn has_room_to_spare(&self) -> bool {
        let reserve = self.limits.memory_reserve_bytes.saturating_mul(2);
        self.host.look().has(reserve, self.limits.disk_reserve_bytes)
    }

    /// Whether there was room at the last look, or is at one now: a look takes a third of a millisecond, and whoever starts would wait for it.
    pub(crate) fn host_has_room(&self) -> bool {
        let (memory, disk) = (self.limits.memory_reserve_bytes, self.limits.disk_reserve_bytes);
        if self.host.last().has(memory, disk) {
            self.host.look_soon();
            return true;
        }
        self.host.look().has(memory, disk)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.environments.fetch_sub(1, Ordering::AcqRel);
        if self.is_leaving {
            self.budget.leaving.fetch_sub(1, Ordering::AcqRel);
        }
        self.budget.returned.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(environments_max: usize, memory_reserve_bytes: u64) -> Arc<Budget> {
        Budget::new(Budgets { environments_max, memory_reserve_bytes, disk_reserve_bytes: 0 }, "/".into())
    }

    #[tokio::test]
    async fn room_is_bounded_and_comes_back() {
        let budget = budget(2, 0);
        let first = budget.take();
        let second = budget.take();
        assert!(first.is_some() && second.is_some() && budget.take().is_none());
        let mut first = first.unwrap();
        first.leaves();
        first.leaves();
        assert!(budget.is_room_coming());
        drop(first);
        assert!(budget.take().is_some() && !budget.is_room_coming());
    }

    #[tokio::test]
    async fn a_host_without_memory_has_no_room_and_keeps_none() {
        let budget = budget(2, u64::MAX);
        assert!(budget.take().is_none());
        assert_eq!(budget.environments.load(Ordering::Acquire), 0);
    }
}
