//! Points in time in the forms that AWS's answers have.

use jiff::Timestamp;

/// `LastModified` of Lambda: `2026-11-23T08:30:13.123+0000`.
pub fn last_modified(unix_ms: i64) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        Err(_) => "1970-01-01T00:00:00.000+0000".into(),
    }
}

/// Times of a function URL's configuration: `2026-11-23T08:30:13.123000Z`.
pub fn iso(unix_ms: i64) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        Err(_) => "1970-01-01T00:00:00.000000Z".into(),
    }
}

/// Times in records: `2026-11-23T08:30:13.123Z`.
pub fn iso_milliseconds(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| "1970-01-01T00:00:00.000Z".into(), |time| format!("{time:.3}"))
}

/// Times in XML: `2026-11-23T08:30:13Z`.
pub fn iso_seconds(unix_seconds: i64) -> String {
    Timestamp::from_second(unix_seconds)
        .map_or_else(|_| "1970-01-01T00:00:00Z".into(), |time| time.to_string())
}

/// Times in events of the web, as access logs write them: `12/Mar/2020:19:03:58 +0000`.
pub fn access_log(unix_ms: i64) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(time) => time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        Err(_) => "01/Jan/1970:00:00:00 +0000".into(),
    }
}

/// Unix time in seconds of an ISO 8601 time, such as `2026-11-25T12:00:00Z`, or of the beginning of a date.
pub fn unix_seconds(text: &str) -> Option<f64> {
    let timestamp = match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
    };
    Some(timestamp.as_millisecond() as f64 / 1000.0)
}
