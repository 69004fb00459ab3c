//! The backlog of one function: a task that claims what is due and starts an attempt for each, until there is nothing left.
//!
//! ```text
//!          ┌────────── woken, an attempt ended, the next is due, the pause is over ──────────┐
//!          ▼                                                                                 │
//!  look: claim as many as the share and the pace allow ──► start attempts ──► wait ──────────┘
//!          │ nothing in the queue, nothing running
//!          ▼
//!        ended (a new event makes a new one)
//! ```

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lambda_model::{
    function::FunctionKey,
    invocation::asynchronous::share::{self, Running},
    ports::{Claimed, ClaimedEvent},
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    AsyncInvoker,
    attempt::attempt,
    pace::{Pace, Went},
};

/// Events that one look claims: more wait on disk for the next.
const CLAIM_MAX: u32 = 64;
/// The wait after a queue that could not be read.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);
/// The shortest wait between looks while most of what may run does: a look is for many, or it would cost more than what it finds.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// The longest wait without a look.
const LOOK_AFTER_MAX: Duration = Duration::from_secs(60);

/// Runs until there is nothing left of the function.
pub(super) async fn run(owner: Arc<AsyncInvoker>, key: FunctionKey, woken: Arc<Notify>) {
    let mut backlog = Backlog {
        owner,
        key,
        attempts: JoinSet::new(),
        pace: Pace::default(),
        paused_until: None,
        looked_at: None,
    };
    loop {
        let looked_at = Instant::now();
        let next = backlog.look().await;
        if next.is_none() && backlog.attempts.is_empty() {
            match backlog.end(&woken) {
                true => return,
                // What it was woken for came while it looked.
                false => continue,
            }
        }
        let wait = next.unwrap_or(LOOK_AFTER_MAX).min(LOOK_AFTER_MAX);
        tokio::select! {
            biased;
            Some(went) = backlog.attempts.join_next(), if !backlog.attempts.is_empty() => {
                backlog.learn(went.ok());
                // Attempts end together, as their settlements are committed together: one look is for all of them.
                while let Some(went) = backlog.attempts.try_join_next() {
                    backlog.learn(went.ok());
                }
            }
            () = woken.notified() => {}
            () = sleep_until(looked_at + wait) => {}
        }
    }
}

struct Backlog {
    owner: Arc<AsyncInvoker>,
    key: FunctionKey,
    attempts: JoinSet<Went>,
    pace: Pace,
    paused_until: Option<Instant>,
    looked_at: Option<Instant>,
}

impl Backlog {
    /// Starts what may be started; when to look again, if there is a time for it. `None` also while everything waits for room: the
    /// end of an attempt is the time then.
    async fn look(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let room = self.room();
        if room == 0 || self.owner.is_stopping.load(Ordering::Acquire) {
            return None;
        }
        if let Some(at) = self.looked_at.map(|at| at + LOOK_PAUSE)
            && at > now
            && room < self.own() / 4
        {
            return Some(at - now);
        }
        self.looked_at = Some(now);
        tracing::trace!(target: "crash_point", "backlog: looks");
        let now_ms = self.owner.clock.now_ms();
        let claimed = self.owner.queue.claim(&self.key, now_ms, room as usize).await;
        let Claimed { events, next_due_ms } = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(function = self.key.arn(), %error, "waiting events could not be read");
                return Some(UNREADABLE_PAUSE);
            }
        };
        tracing::trace!(target: "crash_point", "backlog: has claimed");
        events.into_iter().for_each(|event| self.start(event));
        let due_ms = next_due_ms?;
        // What is due already waits for room; without any, for the end of an attempt.
        Some(match u64::try_from(due_ms - now_ms) {
            Ok(wait_ms) if wait_ms > 0 => Duration::from_millis(wait_ms),
            _ if self.room() > 0 => Duration::ZERO,
            _ => return Some(LOOK_AFTER_MAX),
        })
    }

    /// How many more may be attempted now.
    fn room(&self) -> u32 {
        let reserved = self.owner.catalog.asynchronous(&self.key, None).reserved_concurrency;
        let mut running = Running { own: self.own(), all: self.owner.running.load(Ordering::Acquire) };
        let total = self.owner.room().width(Instant::now());
        let mut room = 0;
        while room < CLAIM_MAX && running.own < self.pace.width() && share::may_run(total, reserved, running)
        {
            running = Running { own: running.own + 1, all: running.all + 1 };
            room += 1;
        }
        room
    }

    fn own(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    fn start(&mut self, claimed: ClaimedEvent) {
        let owner = Arc::clone(&self.owner);
        owner.running.fetch_add(1, Ordering::AcqRel);
        self.attempts.spawn(attempt(owner, claimed));
        tracing::trace!(target: "crash_point", "backlog: an attempt is started");
    }

    fn learn(&mut self, went: Option<Went>) {
        tracing::trace!(target: "crash_point", "backlog: an attempt has ended");
        let running = self.owner.running.fetch_sub(1, Ordering::AcqRel) - 1;
        let went = went.unwrap_or(Went::Refused);
        if went == Went::Refused {
            self.owner.room().refused(running, Instant::now());
        }
        let pause = self.pace.learn(went, self.own());
        self.paused_until = pause.map(|pause| Instant::now() + pause).or(self.paused_until);
    }

    /// Takes itself off the list, unless it was woken meanwhile.
    fn end(&self, woken: &Notify) -> bool {
        let mut backlogs = self.owner.backlogs();
        let mut notified = std::pin::pin!(woken.notified());
        // Whoever wakes holds the list too: what was said before this is seen here, and later there is a new backlog.
        if notified.as_mut().enable() {
            return false;
        }
        tracing::trace!(target: "crash_point", "backlog: ends");
        backlogs.remove(&self.key);
        true
    }
}
