//! What is said of the last batch of a mapping: `LastProcessingResult`.

use std::sync::{Arc, Mutex, PoisonError};

/// It; cheap to clone, and the same for all clones.
#[derive(Clone, Default)]
pub(crate) struct LastResult(Arc<Mutex<Option<String>>>);

impl LastResult {
    /// As AWS shows it.
    pub(crate) fn shown(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().unwrap_or_else(|| "No records processed".to_owned())
    }

    pub(super) fn say(&self, result: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.to_owned());
    }

    /// Says whether a batch is done.
    pub(super) fn say_of_batch(&self, is_done: bool) {
        self.say(if is_done { "OK" } else { "PROBLEM: Function call failed" });
    }
}
