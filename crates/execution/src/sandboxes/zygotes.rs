//! The processes that waiting runtimes are forked from: one for all sandboxes that show the same of the host and run the same program.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lambda_model::error::with_causes;
use sandbox::{Launcher, SandboxError, Zygote, ZygoteSpec};

use super::Kind;

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Zygotes(Mutex<BTreeMap<Kind, Option<Arc<Zygote>>>>);

impl Zygotes {
    /// That of the kind's program, started if need be, which takes as long as the interpreter does. `None` where there can be none: each
    /// runtime is started by itself then.
    pub(super) fn of(
        &self,
        kind: &Kind,
        launcher: &Launcher,
        spec: impl FnOnce() -> ZygoteSpec,
    ) -> Option<Arc<Zygote>> {
        let key = kind.of_zygote();
        if let Some(known) = self.lock().get(&key) {
            return known.clone();
        }
        let started = launcher.start_zygote(&spec());
        let zygote = started.inspect_err(give_up).ok().map(Arc::new);
        self.lock().insert(key, zygote.clone());
        zygote
    }

    /// Whether runtimes of the kind can be forked now.
    pub(super) fn are_ready(&self, kind: &Kind) -> bool {
        let is_forked = kind.waiting.as_ref().is_some_and(|program| program.is_forked);
        is_forked && self.lock().get(&kind.of_zygote()).is_some_and(Option::is_some)
    }

    /// The kind's does not do what it should: it is not asked again.
    pub(super) fn has_failed(&self, kind: &Kind, error: &SandboxError) {
        give_up(error);
        self.lock().insert(kind.of_zygote(), None);
    }

    /// Ends those that no kind needs any more.
    pub(super) fn keep_for<'a>(&self, kinds: impl Iterator<Item = &'a Kind>) {
        let needed: Vec<Kind> = kinds.map(Kind::of_zygote).collect();
        self.lock().retain(|key, _| needed.contains(key));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Option<Arc<Zygote>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_up(error: &SandboxError) {
    tracing::warn!(error = with_causes(error), "no runtimes are forked: each is started by itself");
}
