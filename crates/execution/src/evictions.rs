//! Making room: environments that nobody uses end for those that are to begin.
//!
//! ```text
//! start ──► room? ──yes──► begin; where starts follow each other, one that is idle ends for the next
//!             └──no──► the one that is idle longest ends ──► room? ...
//!                        └── none is idle ──► one is just ending, or will be idle in a moment? wait ──► room? ...
//!                                               └── no: there is no room
//! ```

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
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
    last: Mutex<Option<Instant>>,
}

impl Evictions {
    /// Takes room; where there is none, the environment that is idle longest makes place. `None` when none is idle.
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
        let is_stream = self.last().is_some_and(|last| last.elapsed() < STREAM);
        if is_stream && context.budget.rooms_left() < AHEAD {
            self.evict(pools);
        }
    }

    /// Has the environment end that is idle longest. False when none is idle.
    fn evict(&self, pools: &Pools) -> bool {
        let pools = pools.read().unwrap_or_else(PoisonError::into_inner);
        let idle = pools.values().filter_map(|pool| Some((pool.idle_since()?, pool)));
        let has_evicted =
            idle.min_by_key(|(since, _)| *since).is_some_and(|(_, pool)| pool.evict_longest_idle());
        if has_evicted {
            *self.lock() = Some(Instant::now());
        }
        has_evicted
    }

    fn last(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
