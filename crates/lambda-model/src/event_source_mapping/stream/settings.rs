//! What a mapping of a stream has beside what all have.

use serde::{Deserialize, Serialize};

use super::Patience;

/// Where a mapping begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartingPosition {
    /// At the oldest record that there is.
    TrimHorizon,
    /// Behind what there was when the mapping was made.
    Latest,
    /// At the first record from a time on: Unix time, milliseconds.
    AtTimestamp(i64),
}

impl StartingPosition {
    /// As the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrimHorizon => "TRIM_HORIZON",
            Self::Latest => "LATEST",
            Self::AtTimestamp(_) => "AT_TIMESTAMP",
        }
    }

    /// From what a request says, which is checked.
    pub fn of(name: &str, timestamp_seconds: Option<f64>) -> Self {
        match (name, timestamp_seconds) {
            ("LATEST", _) => Self::Latest,
            ("AT_TIMESTAMP", Some(seconds)) => Self::AtTimestamp((seconds * 1_000.0) as i64),
            _ => Self::TrimHorizon,
        }
    }
}

/// Settings of a mapping of a stream (K-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// Where it begins.
    pub starting_position: StartingPosition,
    /// Batches of a shard at a time, 1 to 10 (K-01).
    pub parallelization_factor: u32,
    /// Whether a batch that fails is tried in halves (K-04).
    pub bisects: bool,
    /// Seconds after which a record is given up; -1 for never.
    pub record_age_max_seconds: i64,
    /// Attempts after the first; -1 for any number.
    pub retries_max: i64,
    /// Seconds of a tumbling window; 0 for none (K-07).
    pub tumbling_window_seconds: i64,
    /// ARN of who gets what is given up.
    pub on_failure: Option<String>,
}

impl StreamSettings {
    /// What there is where nobody says otherwise.
    pub fn starting_at(starting_position: StartingPosition) -> Self {
        Self {
            starting_position,
            parallelization_factor: 1,
            bisects: false,
            record_age_max_seconds: -1,
            retries_max: -1,
            tumbling_window_seconds: 0,
            on_failure: None,
        }
    }

    /// How long a batch is tried.
    pub fn patience(&self) -> Patience {
        Patience { retries_max: u32::try_from(self.retries_max).ok(), bisects: self.bisects }
    }

    /// Whether a record is so old by now that it is given up.
    pub fn is_too_old(&self, arrived_ms: i64, now_ms: i64) -> bool {
        let max_ms = self.record_age_max_seconds.saturating_mul(1_000);
        max_ms >= 0 && now_ms.saturating_sub(arrived_ms) > max_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_06_a_record_is_too_old_behind_its_age_and_never_without_one() {
        let mut settings = StreamSettings::starting_at(StartingPosition::TrimHorizon);
        assert!(!settings.is_too_old(0, i64::MAX));
        settings.record_age_max_seconds = 60;
        assert!(!settings.is_too_old(1_000, 61_000) && settings.is_too_old(1_000, 61_001));
    }
}
