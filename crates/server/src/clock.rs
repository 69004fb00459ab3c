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

/// Unix time when it was made, and what has passed since: no jump of the machine's clock ages an event.
pub(crate) struct SteadyClock {
    started_ms: i64,
    started: Instant,
}

impl SteadyClock {
    /// From now on.
    pub(crate) fn start() -> Self {
        Self { started_ms: unix_ms(), started: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.started_ms.saturating_add(passed_ms)
    }
}
