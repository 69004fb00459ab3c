//! Looking for what comes next instead of sleeping, while invocations follow each other closely.
//!
//! ```text
//!   asleep --an event, and events usually follow within GAP_MAX--> attentive --nothing for PATIENCE--> asleep
//! ```
//! A processor that went to sleep is woken by another one: on a virtual machine that takes as long as a small function runs, twice for each
//! invocation (`docs/performance.md`, warm). A worker of the server that has nothing to do therefore asks the reactor again and again for a
//! few microseconds, as a kernel polls before it halts. Functions that take longer, callers that come seldom, and all that is not an
//! invocation, let it sleep at once.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::yield_now, time::timeout};

use crate::awake::Awake;

/// Events that usually come further apart are not waited for, microseconds.
const GAP_MAX_US: u64 = 90;
/// How long the next event is looked for.
const PATIENCE: Duration = Duration::from_micros(50);
/// How long processors are kept awake beyond that.
const AWAKE: Duration = Duration::from_millis(20);
/// A gap counts as no more than this, so that a pause is soon forgotten, microseconds.
const PAUSE_US: u64 = 1_000;
/// Each gap is so much of what is usual: one part in so many.
const WEIGHT: u64 = 8;

/// See the module's doc.
pub(crate) struct Attention {
    origin: Instant,
    /// Of the last event, microseconds since the origin.
    last_us: AtomicU64,
    /// Between events, microseconds.
    usual_us: AtomicU64,
    is_attentive: AtomicBool,
    called: Notify,
}

impl Attention {
    /// Nothing happened yet.
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            last_us: AtomicU64::new(0),
            usual_us: AtomicU64::new(PAUSE_US),
            is_attentive: AtomicBool::new(false),
            called: Notify::new(),
        }
    }

    /// An invocation came, or was answered.
    pub(crate) fn event(&self) {
        let now_us = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let gap_us = now_us.saturating_sub(self.last_us.swap(now_us, Ordering::Relaxed));
        // Two at once may each miss what the other saw: it is an estimate.
        let usual_us = usually(self.usual_us.load(Ordering::Relaxed), gap_us);
        self.usual_us.store(usual_us, Ordering::Relaxed);
        if usual_us <= GAP_MAX_US && !self.is_attentive.load(Ordering::Relaxed) {
            self.called.notify_one();
        }
    }

    /// Looks out, for as long as the server runs.
    pub(crate) async fn look_out(&self, mut awake: Awake) {
        loop {
            self.call(&mut awake).await;
            awake.begin();
            self.is_attentive.store(true, Ordering::Relaxed);
            while self.is_worth_it() {
                // Whoever yields is asked again once the reactor was.
                yield_now().await;
            }
            self.is_attentive.store(false, Ordering::Relaxed);
        }
    }

    /// Waits until it is worth while to look out; processors are let go when that takes long.
    async fn call(&self, awake: &mut Awake) {
        if awake.is_asked() && timeout(AWAKE, self.called.notified()).await.is_ok() {
            return;
        }
        awake.end();
        self.called.notified().await;
    }

    fn is_worth_it(&self) -> bool {
        let last = Duration::from_micros(self.last_us.load(Ordering::Relaxed));
        self.origin.elapsed().saturating_sub(last) < PATIENCE
    }
}

/// What is usual after another gap.
fn usually(usual_us: u64, gap_us: u64) -> u64 {
    (usual_us * (WEIGHT - 1) + gap_us.min(PAUSE_US)) / WEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::awake::AwakePolicy;

    #[test]
    fn a_pause_is_noticed_at_once_and_forgotten_within_some_invocations() {
        let after = |usual, gaps: &[u64]| gaps.iter().fold(usual, |usual, gap| usually(usual, *gap));
        assert!(after(PAUSE_US, &[30; 40]) <= GAP_MAX_US);
        assert!(after(30, &[1_000_000]) > GAP_MAX_US, "no rest for a server that nobody asks");
        assert!(after(30, &[&[1_000_000], &[30; 10][..]].concat()) <= GAP_MAX_US);
        assert!(after(30, &[5_000; 3]) > GAP_MAX_US);
    }

    #[tokio::test]
    async fn it_goes_to_sleep_when_nothing_comes() {
        let attention = std::sync::Arc::new(Attention::new());
        let looking = tokio::spawn({
            let attention = std::sync::Arc::clone(&attention);
            async move { attention.look_out(Awake::new(AwakePolicy::Never)).await }
        });
        let mut was_attentive = false;
        // More than once: a busy machine may take its time between an event and the look.
        for _ in 0..10_000 {
            attention.event();
            yield_now().await;
            was_attentive |= attention.is_attentive.load(Ordering::Relaxed);
        }
        assert!(was_attentive, "events follow each other");
        tokio::time::sleep(PATIENCE * 100).await;
        assert!(!attention.is_attentive.load(Ordering::Relaxed));
        attention.event();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!attention.is_attentive.load(Ordering::Relaxed), "there was a pause");
        looking.abort();
    }

    #[tokio::test]
    async fn whoever_looks_out_keeps_processors_awake() {
        let attention = std::sync::Arc::new(Attention::new());
        let mut probe = Awake::new(AwakePolicy::Always);
        probe.begin();
        let can_ask = probe.is_asked();
        probe.end();
        let looking = tokio::spawn({
            let attention = std::sync::Arc::clone(&attention);
            async move { attention.look_out(Awake::new(AwakePolicy::Always)).await }
        });
        let mut was_asked = false;
        for _ in 0..10_000 {
            attention.event();
            yield_now().await;
            if attention.is_attentive.load(Ordering::Relaxed) {
                was_asked = is_asked();
                break;
            }
        }
        assert_eq!(was_asked, can_ask);
        looking.abort();
    }

    /// Whether this process has asked, whichever of its tests that was.
    fn is_asked() -> bool {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut files = links.filter_map(|link| std::fs::read_link(link.path()).ok());
        files.any(|file| file == std::path::Path::new(crate::awake::DEVICE))
    }

    #[tokio::test]
    async fn processors_are_kept_awake_a_little_longer_than_it_looks() {
        let (attention, mut awake) = (Attention::new(), Awake::new(AwakePolicy::Always));
        awake.begin();
        let was_asked = awake.is_asked();
        attention.called.notify_one();
        attention.call(&mut awake).await;
        assert_eq!(awake.is_asked(), was_asked, "the next came at once");
        let long = timeout(AWAKE * 5, attention.call(&mut awake)).await;
        assert!(long.is_err() && !awake.is_asked(), "nobody came");
    }
}
