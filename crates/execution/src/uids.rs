//! User ids for environments: every environment that runs has one of its own, so that the kernel keeps them apart.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

/// First of the range; above what distributions give to people and services.
const FIRST: u32 = 710_000;
/// Names of the users start here, as on Lambda (`sbx_user1051` was recorded, Y-04).
const FIRST_NAME: u32 = 1_051;

/// Hands out user ids.
#[derive(Default)]
pub(crate) struct Uids {
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
        FIRST + self.slot
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
    fn ids_are_unique_while_held_and_reused_after() {
        let uids = Arc::new(Uids::default());
        let (first, second) = (uids.take(), uids.take());
        assert_ne!(first.id(), second.id());
        assert_eq!(first.name(), "sbx_user1051");
        drop(first);
        assert_eq!(uids.take().name(), "sbx_user1051");
    }
}
