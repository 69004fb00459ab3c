//! Which idle environment ends for one that is to begin.

/// What is known of an idle environment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdleCost {
    /// Since its last invocation, milliseconds.
    pub idle_ms: u64,
    /// What it was seen to use, megabytes.
    pub memory_mb: u64,
    /// What it took to start it, milliseconds.
    pub start_ms: u64,
}

impl IdleCost {
    /// The one for which this is highest ends first: memory times the time that it lies there for nothing, for each millisecond that it
    /// takes to have it again. Among environments that are alike that is the one that was used least recently.
    pub fn waste(self) -> f64 {
        self.idle_ms as f64 * self.memory_mb.max(1) as f64 / self.start_ms.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waste(idle_ms: u64, memory_mb: u64, start_ms: u64) -> f64 {
        IdleCost { idle_ms, memory_mb, start_ms }.waste()
    }

    #[test]
    fn among_equals_the_least_recently_used_ends() {
        assert!(waste(2000, 10, 5) > waste(1000, 10, 5));
    }

    #[test]
    fn what_is_large_and_soon_there_again_ends_before_what_is_small_and_takes_long() {
        assert!(waste(1000, 500, 2) > waste(1000, 10, 2));
        assert!(waste(1000, 100, 2) > waste(1000, 100, 3000));
        assert!(waste(600_000, 100, 3000) > waste(100, 100, 2), "but not for ever");
        assert!(waste(1, 0, 0) > waste(0, 0, 0));
    }
}
