//! User ids for environments: every environment that runs has one of its own, so that the kernel keeps them apart. What it counts
//! by user (processes, above all) it counts for the whole machine: servers side by side take ids from ranges of their own.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// First of all ranges; above what distributions give to people and services.
const FIRST: u32 = 710_000;
/// Ids of one range: more than environments that a machine holds.
const RANGE: u32 = 10_000;
/// Ranges. Two servers that have the same one do with it as one server would.
const RANGES: u64 = 128;
/// Names of the users start here, as on Lambda (`sbx_user1051` was recorded, Y-04).
const FIRST_NAME: u32 = 1_051;

/// Hands out user ids.
pub(crate) struct Uids {
    first: u32,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u32,
    returned: BTreeSet<u32>,
}

/// A user id, given back when dropped. Held until nothing of the environment is left.
pub(crate) struct Uid {
    slot: u32,
    owner: Arc<Uids>,
}

impl Uids {
    /// Those of the server whose data is in `data_dir`.
    pub(crate) fn of(data_dir: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        data_dir.hash(&mut hasher);
        let range = u32::try_from(hasher.finish() % RANGES).unwrap_or_default();
        Self { first: FIRST + range * RANGE, inner: Mutex::default() }
    }

    /// The lowest free one.
    pub(crate) fn take(self: &Arc<Self>) -> Uid {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = inner.returned.pop_first().unwrap_or_else(|| {
            inner.next += 1;
            inner.next - 1
        });
        Uid { slot, owner: Arc::clone(self) }
    }
}

impl Uid {
    /// The number.
    pub(crate) fn id(&self) -> u32 {
        self.owner.first + self.slot
    }

    /// Such as `sbx_user1051`.
    pub(crate) fn name(&self) -> String {
        format!("sbx_user{}", FIRST_NAME + self.slot)
    }
}

impl Drop for Uid {
    fn drop(&mut self) {
        self.owner.inner.lock().unwrap_or_else(PoisonError::into_inner).returned.insert(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_ranges_of_their_own() {
        let ranges: BTreeSet<u32> =
            (0..100).map(|number| Uids::of(Path::new(&format!("/data/{number}"))).first).collect();
        assert!(ranges.len() > 50, "{ranges:?}");
        assert!(ranges.iter().all(|first| first % RANGE == FIRST % RANGE));
    }

    #[test]
    fn ids_are_unique_while_held_and_reused_after() {
        let uids = Arc::new(Uids::of(Path::new("/data")));
        let (first, second) = (uids.take(), uids.take());
        assert_ne!(first.id(), second.id());
        assert_eq!(first.name(), "sbx_user1051");
        drop(first);
        assert_eq!(uids.take().name(), "sbx_user1051");
    }
}
