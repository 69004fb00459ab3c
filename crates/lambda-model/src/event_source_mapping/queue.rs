//! How a queue is read (B.11): how many batches at a time, how long their messages are hidden, when a batch is whole.

use super::{EventSourceMapping, ProvisionedPollers};

/// Batches at a time in the beginning (Q-02).
const CONCURRENCY_FIRST: u32 = 5;
/// Batches at a time at most, where nobody says otherwise (Q-02).
const CONCURRENCY_MAX: u32 = 1_250;
/// How much more it may be after a minute in which all were busy (Q-02).
const GROWTH_A_MINUTE: u64 = 300;
/// The same with pollers of one's own (Q-04).
const GROWTH_A_MINUTE_PROVISIONED: u64 = 1_000;
/// What is added where a batch may last longer than its messages are hidden, seconds (Q-07).
const VISIBILITY_MARGIN_SECONDS: i64 = 30;
/// Bytes of a batch at most: what an invocation takes (Q-05).
pub const BATCH_BYTES_MAX: usize = 6 * 1024 * 1024;

/// How long the messages of a batch are hidden, seconds (Q-07).
pub fn visibility_seconds(of_queue: i64, window_seconds: i64, timeout_seconds: i64) -> i64 {
    let needed = window_seconds.saturating_add(timeout_seconds);
    if needed > of_queue { needed.saturating_add(VISIBILITY_MARGIN_SECONDS) } else { of_queue }
}

/// How many batches may be under way: it grows while all of them are busy, shrinks when there is no room for them, and is back at
/// its least after a quiet time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concurrency {
    least: u32,
    most: u32,
    growth_a_minute: u64,
    now: f64,
}

impl Concurrency {
    /// Of a mapping that has just begun.
    pub fn of(mapping: &EventSourceMapping) -> Self {
        let (least, most, growth_a_minute) = match (mapping.maximum_concurrency, mapping.provisioned) {
            (Some(most), _) => (CONCURRENCY_FIRST.min(most), most, GROWTH_A_MINUTE),
            (None, Some(ProvisionedPollers { minimum, maximum })) => {
                let invocations = |pollers: u32| pollers.saturating_mul(ProvisionedPollers::INVOCATIONS);
                (invocations(minimum), invocations(maximum), GROWTH_A_MINUTE_PROVISIONED)
            }
            (None, None) => (CONCURRENCY_FIRST, CONCURRENCY_MAX, GROWTH_A_MINUTE),
        };
        Self { least, most, growth_a_minute, now: f64::from(least) }
    }

    /// Batches that may be under way.
    pub fn width(&self) -> u32 {
        self.now as u32
    }

    /// All were busy for so long.
    pub fn busy(&mut self, milliseconds: u64) {
        let growth = self.growth_a_minute as f64 * milliseconds as f64 / 60_000.0;
        self.now = (self.now + growth).min(f64::from(self.most));
    }

    /// There was no room for one of them (Q-10).
    pub fn throttled(&mut self) {
        self.now = (self.now / 2.0).max(1.0);
    }

    /// There was nothing to read.
    pub fn idle(&mut self) {
        self.now = f64::from(self.least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::FunctionKey;

    fn mapping() -> EventSourceMapping {
        EventSourceMapping {
            function: FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() },
            qualifier: None,
            event_source_arn: "arn:aws:sqs:r:0:q".into(),
            is_enabled: true,
            batch_size: 10,
            batching_window_seconds: 0,
            filters: Vec::new(),
            maximum_concurrency: None,
            provisioned: None,
            reports_item_failures: false,
            counts_events: false,
            stream: None,
            broker: None,
            tags: Default::default(),
            modified_ms: 0,
        }
    }

    #[test]
    fn q_07_messages_are_hidden_for_as_long_as_their_batch_may_last() {
        assert_eq!(visibility_seconds(30, 0, 3), 30);
        assert_eq!(visibility_seconds(30, 0, 30), 30);
        assert_eq!(visibility_seconds(30, 20, 30), 80);
        assert_eq!(visibility_seconds(0, 0, 900), 930);
    }

    #[test]
    fn q_02_concurrency_grows_by_three_hundred_a_minute_and_starts_with_five() {
        let mut concurrency = Concurrency::of(&mapping());
        assert_eq!(concurrency.width(), 5);
        concurrency.busy(60_000);
        assert_eq!(concurrency.width(), 305);
        concurrency.busy(600_000);
        assert_eq!(concurrency.width(), 1_250);
        concurrency.throttled();
        assert_eq!(concurrency.width(), 625);
        concurrency.idle();
        assert_eq!(concurrency.width(), 5);
        (0..9).for_each(|_| concurrency.throttled());
        assert_eq!(concurrency.width(), 1);
    }

    #[test]
    fn q_03_q_04_concurrency_has_its_limits() {
        let limited = EventSourceMapping { maximum_concurrency: Some(2), ..mapping() };
        let mut concurrency = Concurrency::of(&limited);
        concurrency.busy(600_000);
        assert_eq!(concurrency.width(), 2);
        let pollers = ProvisionedPollers::of(None, Some(3));
        let provisioned = EventSourceMapping { provisioned: Some(pollers), ..mapping() };
        let mut concurrency = Concurrency::of(&provisioned);
        assert_eq!(concurrency.width(), 20);
        concurrency.busy(600_000);
        assert_eq!(concurrency.width(), 30);
        let default = ProvisionedPollers::of(None, None);
        assert_eq!((default.minimum, default.maximum), (2, 200));
    }
}
