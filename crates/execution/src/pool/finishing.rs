//! Environments whose response is out and which will soon ask for more.

use std::time::Duration;

use tokio::time::Instant;

/// An environment that is usually ready again within this time is worth waiting for, though others are idle: its memory is the warmest, and
/// while it gets ready its caller has only just heard its answer. Bootstraps take 20 to 80 us.
const SOON: Duration = Duration::from_micros(200);
/// A time counts as no more than this: one that goes on working behind its answer must not count for ever.
const LONG: Duration = Duration::from_millis(2);
/// Each time is so much of what is usual: one part in so many.
const WEIGHT: u32 = 8;

/// Those of a pool, in the order of their answers.
#[derive(Default)]
pub(super) struct Finishing {
    since: Vec<(u64, Instant)>,
    usual: Duration,
}

impl Finishing {
    /// An environment has answered.
    pub(super) fn begin(&mut self, id: u64) {
        self.since.push((id, Instant::now()));
    }

    /// It asks for more.
    pub(super) fn end(&mut self, id: u64) {
        if let Some(since) = self.forget(id) {
            self.usual = (self.usual * (WEIGHT - 1) + since.elapsed().min(LONG)) / WEIGHT;
        }
    }

    /// It will not, for a while; since when it was waited for.
    pub(super) fn forget(&mut self, id: u64) -> Option<Instant> {
        // Those that have just begun are at the end, and end first.
        let place = self.since.iter().rposition(|(finishing, _)| *finishing == id)?;
        Some(self.since.remove(place).1)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.since.len()
    }

    /// How many will be ready in next to no time.
    pub(super) fn count_soon(&self) -> usize {
        if self.usual > SOON {
            return 0;
        }
        self.since.iter().rev().take_while(|(_, since)| since.elapsed() < SOON).count()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_usually_ready_soon_is_waited_for_a_moment() {
        let mut finishing = Finishing::default();
        for id in 0..3 {
            finishing.begin(id);
        }
        assert_eq!((finishing.count(), finishing.count_soon()), (3, 3));
        finishing.end(1);
        finishing.end(1);
        assert_eq!((finishing.count(), finishing.count_soon()), (2, 2));
        advance(SOON).await;
        assert_eq!((finishing.count(), finishing.count_soon()), (2, 0));
        finishing.begin(1);
        assert_eq!((finishing.count(), finishing.count_soon()), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_usually_goes_on_working_is_not() {
        let mut finishing = Finishing::default();
        let mut takes = async |time| {
            finishing.begin(1);
            let soon = finishing.count_soon();
            advance(time).await;
            finishing.end(1);
            soon
        };
        for _ in 0..20 {
            takes(SOON * 5).await;
        }
        assert_eq!(takes(SOON / 2).await, 0);
        for _ in 0..20 {
            takes(SOON / 2).await;
        }
        assert_eq!(takes(SOON / 2).await, 1);
    }
}
