//! Leases: while one is held, its package stays, whether a function names it or not.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lambda_model::function::CodeReference;

/// Who holds what.
#[derive(Default)]
pub(super) struct Leases {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Packages that are held, and how often.
    held: HashMap<String, usize>,
    /// Packages whose last lease ended since a collection began; `None` while there is none.
    ended: Option<HashSet<String>>,
}

/// Keeps a package from being collected.
pub struct CodeLease {
    reference: CodeReference,
    leases: Arc<Leases>,
}

impl CodeLease {
    /// The package.
    pub fn reference(&self) -> &CodeReference {
        &self.reference
    }
}

impl Drop for CodeLease {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        let name = &self.reference.sha256_hex;
        let Some(count) = state.held.get_mut(name) else { return };
        *count -= 1;
        if *count == 0 {
            state.held.remove(name);
            if let Some(ended) = &mut state.ended {
                ended.insert(name.clone());
            }
        }
    }
}

impl Leases {
    pub(super) fn take(self: &Arc<Self>, reference: CodeReference) -> CodeLease {
        *self.state().held.entry(reference.sha256_hex.clone()).or_default() += 1;
        CodeLease { reference, leases: Arc::clone(self) }
    }

    /// Begins a collection: leases that end from now on count as held until [`Leases::end_collection`].
    pub(super) fn begin_collection(&self) {
        self.state().ended = Some(HashSet::new());
    }

    /// Ends a collection: calls `remove` for each candidate that was not held since its beginning. No lease is given meanwhile.
    pub(super) fn end_collection(&self, candidates: Vec<String>, mut remove: impl FnMut(&str)) {
        let mut state = self.state();
        let ended = state.ended.take().unwrap_or_default();
        let is_free = |name: &&String| !state.held.contains_key(*name) && !ended.contains(*name);
        candidates.iter().filter(is_free).for_each(|name| remove(name));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
