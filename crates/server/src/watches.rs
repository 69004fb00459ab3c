//! Functions whose files somebody edits (`lambent watch`): before each invocation of `$LATEST` the watcher is asked whether its folder
//! has changed, and the invocation waits until what is new is deployed.
//!
//! ```text
//!  watcher ──GET /_lambent/watch──► open            invocation ──► settle
//!     ▲                               │                              │ asked += 1
//!     └────────── "check 7" ──────────┴──────────────────────────────┘
//!     │ uploads what changed, waits until it is active
//!     └──POST /_lambent/watch?checked=7──► every invocation up to 7 goes on
//! ```
//! The server never reads the folder: what the watcher may not read, nobody gets. A watcher that is gone or silent holds nobody up.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lambda_model::function::FunctionKey;
use tokio::sync::watch;

/// An invocation waits no longer than this for a watcher.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// The watchers there are.
#[derive(Default)]
pub(crate) struct Watches {
    watchers: Mutex<HashMap<FunctionKey, Arc<Watcher>>>,
    /// Their number, so that invocations of nothing that is watched ask no lock.
    count: AtomicUsize,
}

/// One of them.
struct Watcher {
    asked: watch::Sender<u64>,
    checked: watch::Sender<u64>,
}

/// A watcher's end: gives the number of the newest question, until it is dropped.
pub(crate) struct Questions {
    key: FunctionKey,
    watcher: Arc<Watcher>,
    asked: watch::Receiver<u64>,
    watches: Arc<Watches>,
}

impl Watches {
    /// Registers a watcher, in the place of the one before.
    pub(crate) fn open(self: &Arc<Self>, key: FunctionKey) -> Questions {
        let watcher = Arc::new(Watcher { asked: watch::Sender::new(0), checked: watch::Sender::new(0) });
        let asked = watcher.asked.subscribe();
        let mut watchers = self.lock();
        watchers.insert(key.clone(), Arc::clone(&watcher));
        self.count.store(watchers.len(), Ordering::Release);
        drop(watchers);
        Questions { key, watcher, asked, watches: Arc::clone(self) }
    }

    /// The watcher has deployed what there was at question `number`.
    pub(crate) fn checked(&self, key: &FunctionKey, number: u64) {
        if let Some(watcher) = self.lock().get(key) {
            watcher.checked.send_if_modified(|checked| {
                let is_news = number > *checked;
                *checked = number.max(*checked);
                is_news
            });
        }
    }

    /// Waits until the function is as its watched folder is now; at once where nobody watches.
    pub(crate) async fn settle(&self, key: &FunctionKey) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let Some(watcher) = self.lock().get(key).map(Arc::clone) else { return };
        let mut checked = watcher.checked.subscribe();
        let mut number = 0;
        watcher.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        // The sender outlives the wait: an error cannot be.
        let answered = checked.wait_for(|checked| *checked >= number);
        if tokio::time::timeout(CHECK_TIMEOUT, answered).await.is_err() {
            tracing::warn!(function = %key.name, "the watcher of the function's folder did not answer");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FunctionKey, Arc<Watcher>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Questions {
    /// The next question's number; of several that wait, the newest.
    pub(crate) async fn next(&mut self) -> Option<u64> {
        self.asked.changed().await.ok()?;
        Some(*self.asked.borrow_and_update())
    }
}

impl Drop for Questions {
    /// Whoever waits goes on.
    fn drop(&mut self) {
        let mut watchers = self.watches.lock();
        if watchers.get(&self.key).is_some_and(|watcher| Arc::ptr_eq(watcher, &self.watcher)) {
            watchers.remove(&self.key);
        }
        self.watches.count.store(watchers.len(), Ordering::Release);
        self.watcher.checked.send_replace(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> FunctionKey {
        FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() }
    }

    #[tokio::test]
    async fn an_invocation_waits_for_the_answer_to_its_own_question() {
        let watches = Arc::new(Watches::default());
        watches.settle(&key()).await;
        let mut questions = watches.open(key());
        let waiting = Arc::clone(&watches);
        let invocation = tokio::spawn(async move { waiting.settle(&key()).await });
        let number = questions.next().await.unwrap();
        watches.checked(&key(), number - 1);
        tokio::task::yield_now().await;
        assert!(!invocation.is_finished());
        watches.checked(&key(), number);
        invocation.await.unwrap();
    }

    #[tokio::test]
    async fn a_watcher_that_leaves_holds_nobody_up() {
        let watches = Arc::new(Watches::default());
        let mut questions = watches.open(key());
        let waiting = Arc::clone(&watches);
        let invocation = tokio::spawn(async move { waiting.settle(&key()).await });
        questions.next().await.unwrap();
        drop(questions);
        invocation.await.unwrap();
        watches.settle(&key()).await;
    }

    #[tokio::test]
    async fn the_newest_watcher_is_asked() {
        let watches = Arc::new(Watches::default());
        let old = watches.open(key());
        let mut new = watches.open(key());
        drop(old);
        let waiting = Arc::clone(&watches);
        let invocation = tokio::spawn(async move { waiting.settle(&key()).await });
        let number = new.next().await.unwrap();
        watches.checked(&key(), number);
        invocation.await.unwrap();
    }
}
