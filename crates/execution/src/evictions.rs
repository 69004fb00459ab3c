//! Making room: environments that nobody uses end for those that are to begin.
//!
//! ```text
//! start ──► room? ──yes──► begin; where starts follow each other, one that is idle ends for the next
//!             └──no──► the one that is missed least ends ──► room? ...
//!                        └── none is idle ──► one is just ending, or will be idle in a moment? wait ──► room? ...
//!                                               └── no: there is no room
//! ```
//! Which one that is says [`lambda_model::environment::eviction`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use lambda_model::{function::FunctionKey, limits};
use tokio::time::Instant;

use crate::{budget::Room, context::Context, pool::Pool};

/// A function version.
pub(crate) type PoolKey = (FunctionKey, String);
pub(crate) type Pools = RwLock<HashMap<PoolKey, Arc<Pool>>>;

/// See [`limits::EVICTION_PATIENCE_MS`].
const PATIENCE: Duration = Duration::from_millis(limits::EVICTION_PATIENCE_MS);
/// Between two looks for room where nobody is idle.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Evictions that are no further apart are a stream of starts, of which the next finds its room ready.
const STREAM: Duration = Duration::from_millis(50);
/// Rooms that are kept ready in a stream.
const AHEAD: usize = 2;

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Evictions {
    last: Mutex<Last>,
}

/// When the last one was.
#[derive(Clone, Copy, Default)]
struct Last {
    at: Option<Instant>,
    /// Whether it followed another.
    is_of_stream: bool,
}

impl Last {
    fn is_recent(self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < STREAM)
    }
}

impl Evictions {
    /// Takes room; where there is none, the environment that is missed least makes place. `None` when none is idle.
    pub(crate) async fn acquire_room(&self, context: &Context, pools: &Pools) -> Option<Room> {
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(limits::ROOM_TIMEOUT_MS);
        // Until when an environment that was told to end for this is waited for.
        let mut waits_until = None;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return None;
            }
            let returned = context.budget.room_returned();
            if let Some(room) = context.budget.take() {
                self.make_room_for_the_next(context, pools);
                return Some(room);
            }
            if !context.budget.host_has_room() && context.shelves.make_room().await {
                continue;
            }
            // Who has evicted one waits for that: others wait too, and each would evict them all.
            if waits_until.is_none_or(|until| until <= now) {
                if self.evict(pools) {
                    waits_until = Some(now + PATIENCE);
                } else if now >= begun + LOOK_AGAIN
                    && waits_until.is_none()
                    && !context.budget.is_room_coming()
                {
                    // Not at once: one that has answered is idle a moment later.
                    return None;
                }
            }
            let until = waits_until.unwrap_or(now).max(now + LOOK_AGAIN);
            let _ = tokio::time::timeout_at(until.min(deadline), returned).await;
        }
    }

    fn make_room_for_the_next(&self, context: &Context, pools: &Pools) {
        let last = *self.lock();
        if last.is_of_stream && last.is_recent() && context.budget.rooms_left() < AHEAD {
            self.evict(pools);
        }
    }

    /// Has the environment end that is missed least. False when none is idle.
    fn evict(&self, pools: &Pools) -> bool {
        let pools = pools.read().unwrap_or_else(PoisonError::into_inner);
        let idle = pools.values().filter_map(|pool| Some((pool.longest_idle()?.waste(), pool)));
        let missed_least = idle.max_by(|(one, _), (other, _)| one.total_cmp(other));
        let has_evicted = missed_least.is_some_and(|(_, pool)| pool.evict_longest_idle());
        if has_evicted {
            let mut last = self.lock();
            *last = Last { at: Some(Instant::now()), is_of_stream: last.is_recent() };
        }
        has_evicted
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
