//! Clocks on the wall: what they show when, which the port of a time zone tells.

/// A time zone.
pub trait Zone: Send + Sync {
    /// What its clocks show at a Unix time: both in milliseconds since the beginning of 1970.
    fn local_ms(&self, unix_ms: i64) -> i64;

    /// When its clocks show that: the first time where they do twice, `None` where they leave it out.
    fn unix_ms(&self, local_ms: i64) -> Option<i64>;
}

/// Coordinated universal time.
#[derive(Debug, Clone, Copy)]
pub struct Utc;

impl Zone for Utc {
    fn local_ms(&self, unix_ms: i64) -> i64 {
        unix_ms
    }

    fn unix_ms(&self, local_ms: i64) -> Option<i64> {
        Some(local_ms)
    }
}
