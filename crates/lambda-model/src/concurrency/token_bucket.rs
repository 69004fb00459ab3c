//! A rate with a burst: how fast a function may scale (C-02), and how often it may be invoked (C-03).

/// What a bucket holds at most, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// At most so many at once.
    pub burst: f64,
    /// So many more each second; what does not fit is lost.
    pub per_second: f64,
}

impl Rate {
    /// A second's worth at once.
    pub fn per_second(per_second: f64) -> Self {
        Self { burst: per_second, per_second }
    }

    /// For who can wait: a tenth of the burst is left to those who cannot.
    #[must_use]
    pub fn with_reserve(self) -> Self {
        Self { burst: self.burst * 0.9, ..self }
    }
}

/// A bucket; full at first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenBucket {
    /// What is missing to a full bucket, as of `as_of_us`.
    missing: f64,
    as_of_us: u64,
}

impl TokenBucket {
    /// Takes one token at `now_us` (microseconds of any clock that does not go back). False when there is none.
    pub fn take(&mut self, rate: Rate, now_us: u64) -> bool {
        self.refill(rate, now_us);
        let has_one = self.missing + 1.0 <= rate.burst;
        if has_one {
            self.missing += 1.0;
        }
        has_one
    }

    /// Takes tokens whether or not they are there; how long until they are, microseconds.
    pub fn draw(&mut self, tokens: f64, rate: Rate, now_us: u64) -> u64 {
        self.refill(rate, now_us);
        self.missing += tokens;
        let owed = (self.missing - rate.burst).max(0.0);
        (owed / rate.per_second * 1e6) as u64
    }

    fn refill(&mut self, rate: Rate, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.as_of_us);
        let refilled = passed_us as f64 / 1e6 * rate.per_second;
        self.missing = (self.missing - refilled).max(0.0);
        self.as_of_us = self.as_of_us.max(now_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_wait_leaves_a_tenth() {
        let rate = Rate::per_second(100.0);
        let mut bucket = TokenBucket::default();
        assert_eq!((0..200).filter(|_| bucket.take(rate.with_reserve(), 0)).count(), 90);
        assert_eq!((0..200).filter(|_| bucket.take(rate, 0)).count(), 10);
        assert_eq!((0..200).filter(|_| bucket.take(rate.with_reserve(), 500_000)).count(), 40);
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate { burst: 1_000.0, per_second: 100.0 };
        let mut bucket = TokenBucket::default();
        let mut taken = |now_us| (0..2_000).filter(|_| bucket.take(rate, now_us)).count();
        assert_eq!(taken(5), 1_000);
        assert_eq!(taken(5), 0);
        assert_eq!(taken(1_000_005), 100);
        // C-02: nothing accumulates beyond the burst.
        assert_eq!(taken(1_000_000_000), 1_000);
        assert_eq!(taken(0), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn what_is_drawn_beyond_the_burst_is_waited_for() {
        let rate = Rate { burst: 6.0, per_second: 2.0 };
        let mut bucket = TokenBucket::default();
        assert_eq!(bucket.draw(6.0, rate, 0), 0);
        assert_eq!(bucket.draw(1.0, rate, 0), 500_000);
        assert_eq!(bucket.draw(1.0, rate, 500_000), 500_000);
        assert_eq!(bucket.draw(1.0, rate, 10_000_000), 0);
    }
}
