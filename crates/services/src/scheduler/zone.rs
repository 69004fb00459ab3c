//! Time zones of the IANA database: the host's own, else the one that is built in.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use lambda_model::schedule::Zone;

/// What schedules without a time zone are in.
pub(super) const UTC: &str = "UTC";

/// A time zone with a name.
#[derive(Debug, Clone)]
pub(super) struct NamedZone(TimeZone);

impl NamedZone {
    /// `None` where nothing has that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }
}

impl Zone for NamedZone {
    fn local_ms(&self, unix_ms: i64) -> i64 {
        let offset = Timestamp::from_millisecond(unix_ms).map(|time| self.0.to_offset(time).seconds());
        unix_ms + offset.map_or(0, |seconds| i64::from(seconds) * 1_000)
    }

    fn unix_ms(&self, local_ms: i64) -> Option<i64> {
        let shown: DateTime = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(local_ms).ok()?);
        let times = self.0.to_ambiguous_timestamp(shown);
        let is_left_out = matches!(times.offset(), AmbiguousOffset::Gap { .. });
        times.earlier().ok().filter(|_| !is_left_out).map(Timestamp::as_millisecond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_new_york_leave_out_an_hour_and_show_one_twice() {
        let zone = NamedZone::of("America/New_York").unwrap();
        let hour = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (unix, local) in [
            ("2026-03-08T06:30:00Z", "2026-03-08T01:30:00Z"),
            ("2026-03-08T07:30:00Z", "2026-03-08T03:30:00Z"),
            ("2026-11-01T05:30:00Z", "2026-11-01T01:30:00Z"),
        ] {
            assert_eq!(
                (zone.local_ms(hour(unix)), zone.unix_ms(hour(local))),
                (hour(local), Some(hour(unix)))
            );
        }
        assert_eq!(zone.unix_ms(hour("2026-03-08T02:30:00Z")), None);
        assert_eq!(zone.local_ms(hour("2026-11-01T06:30:00Z")), hour("2026-11-01T01:30:00Z"));
    }

    #[test]
    fn what_has_no_such_name_is_no_zone() {
        assert!(NamedZone::of("UTC").is_some() && NamedZone::of("Europe/Berlin").is_some());
        assert!(NamedZone::of("Mars/Olympus").is_none() && NamedZone::of("../etc/passwd").is_none());
    }
}
