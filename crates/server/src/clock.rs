//! The clocks of this crate.

use std::time::Instant;

use lambda_model::ports::Clock;

/// Unix time, milliseconds.
pub(crate) fn unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Unix time, seconds.
pub(crate) fn unix_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Unix time when it was made, and what has passed since: no jump of the machine's clock ages an event. Where that clock was put back
/// since an earlier server wrote what waits, it goes on from then: what was due in a minute is not due in an hour and a minute.
pub(crate) struct SteadyClock {
    started_ms: i64,
    started: Instant,
}

impl SteadyClock {
    /// From now on, or from then if that is later.
    pub(crate) fn start_after(last_written_ms: i64) -> Self {
        Self { started_ms: unix_ms().max(last_written_ms), started: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.started_ms.saturating_add(passed_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_by_a_clock_that_was_ahead_is_not_put_off() {
        assert!((unix_ms() - SteadyClock::start_after(0).now_ms()).abs() < 1_000);
        let ahead = unix_ms() + 3_600_000;
        assert!((0..1_000).contains(&(SteadyClock::start_after(ahead).now_ms() - ahead)));
    }
}
