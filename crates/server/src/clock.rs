//! The wall clock of this crate.

/// Unix time, milliseconds.
pub(crate) fn unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Unix time, seconds.
pub(crate) fn unix_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}
