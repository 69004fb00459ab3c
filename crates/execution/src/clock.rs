//! The wall clock of this crate, in the forms that environments need.

use jiff::Timestamp;
use tokio::time::Instant;

/// Unix time, milliseconds.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Such as `2026-11-23T08:30:13.123Z`.
pub(crate) fn iso8601_ms() -> String {
    format!("{:.3}", Timestamp::now())
}

/// The same for a moment that has passed.
pub(crate) fn iso8601_ms_of(moment: Instant) -> String {
    let ago = jiff::SignedDuration::try_from(moment.elapsed()).unwrap_or_default();
    format!("{:.3}", Timestamp::now() - ago)
}

/// Such as `2026/11/23`, the first part of a log stream's name (G-04).
pub(crate) fn log_stream_date() -> String {
    Timestamp::now().strftime("%Y/%m/%d").to_string()
}

/// Whether a text is a point in time in RFC 3339.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}
