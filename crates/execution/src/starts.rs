//! Starts at a time: more than the processors can do only makes each slower.
//!
//! Functions take turns ([`FairQueue`]): one that wants a thousand environments at once does not keep another from its one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lambda_model::{concurrency::FairQueue, function::FunctionKey};
use tokio::sync::oneshot;

/// Whom a start is for; nobody yet, for what is made ahead.
pub(crate) type Party = Option<FunctionKey>;

/// See the module's doc.
pub(crate) struct Starts {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: FairQueue<Party, oneshot::Sender<Permit>>,
}

/// Leave to start something; given back when dropped.
pub(crate) struct Permit(Option<Arc<Starts>>);

impl Starts {
    /// For so many at a time.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// Waits for the party's turn.
    pub(crate) async fn acquire(self: &Arc<Self>, party: Party) -> Permit {
        let turn = {
            let mut state = self.lock();
            if state.running < self.most && state.waiting.is_empty() {
                state.running += 1;
                return Permit(Some(Arc::clone(self)));
            }
            let (sender, turn) = oneshot::channel();
            state.waiting.push(party, sender);
            turn
        };
        // Whoever has it in the queue gives it, or is given it back.
        turn.await.unwrap_or(Permit(None))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(starts) = self.0.take() else { return };
        let mut state = starts.lock();
        while let Some(next) = state.waiting.pop() {
            match next.send(Permit(Some(Arc::clone(&starts)))) {
                Ok(()) => return,
                // They left; so does this leave, and the next in the queue has it.
                Err(mut refused) => refused.0 = None,
            }
        }
        state.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn party(name: &str) -> Party {
        Some(FunctionKey { account_id: String::new(), region: String::new(), name: name.into() })
    }

    #[tokio::test]
    async fn leave_is_bounded_and_comes_back_also_from_those_who_left() {
        let starts = Starts::new(2);
        let (first, second) = (starts.acquire(party("a")).await, starts.acquire(None).await);
        let impatient = timeout(Duration::from_millis(5), starts.acquire(party("a"))).await;
        assert!(impatient.is_err());
        let mut waits = tokio::spawn({
            let starts = Arc::clone(&starts);
            async move { starts.acquire(party("b")).await }
        });
        assert!(timeout(Duration::from_millis(5), &mut waits).await.is_err());
        drop(first);
        let third = waits.await.unwrap();
        drop((second, third));
        assert_eq!(starts.lock().running, 0);
    }

    #[tokio::test]
    async fn one_function_does_not_keep_another_waiting() {
        let starts = Starts::new(1);
        let held = starts.acquire(party("burst")).await;
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        let wait = |name: &'static str| {
            let (starts, order) = (Arc::clone(&starts), order.clone());
            tokio::spawn(async move {
                let permit = starts.acquire(party(name)).await;
                order.send(name).unwrap();
                drop(permit);
            })
        };
        let burst: Vec<_> = (0..100).map(|_| wait("burst")).collect();
        tokio::task::yield_now().await;
        let quiet = wait("quiet");
        tokio::task::yield_now().await;
        drop(held);
        quiet.await.unwrap();
        for one in burst {
            one.await.unwrap();
        }
        let names: Vec<_> = std::iter::from_fn(|| came.try_recv().ok()).collect();
        assert!(names.iter().take(2).any(|name| *name == "quiet"), "{names:?}");
    }
}
