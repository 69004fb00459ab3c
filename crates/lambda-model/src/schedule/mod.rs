//! Schedule expressions: when something is due (EventBridge user guide, "Creating a rule that runs on a schedule"; EventBridge
//! Scheduler user guide, "Schedule types").
//!
//! `rate(5 minutes)` counts from a start; `cron(0 12 ? * MON-FRI *)` names minutes of the calendar of a time zone, `at(2026-11-29T12:00:00)`
//! one second of it. What else a schedule of EventBridge Scheduler says of its times is [`Timing`].

mod calendar;
mod cron;
mod field;
mod timing;
mod zone;

use calendar::Date;
use cron::Cron;
pub use timing::Timing;
pub use zone::{Utc, Zone};

const MINUTE_MS: i64 = 60_000;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many milliseconds.
    Rate(i64),
    /// At minutes of the calendar.
    Cron(Box<Cron>),
    /// Once, at a time of the calendar: milliseconds since the beginning of 1970 on the clocks of the zone.
    At(i64),
}

/// It is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSchedule;

impl Schedule {
    /// Reads the expression of a rule: a rate, whose unit is singular for one and plural for more (recorded from AWS), or cron.
    ///
    /// # Errors
    /// For anything else.
    pub fn of_rule(text: &str) -> Result<Self, InvalidSchedule> {
        if let Some(rate) = inside(text, "rate") {
            let (value, unit) = rate_of(rate)?;
            return match (value == 1) == unit.ends_with('s') {
                true => Err(InvalidSchedule),
                false => period_ms(value, unit).map(Self::Rate),
            };
        }
        Ok(Self::Cron(Box::new(Cron::parse(inside(text, "cron").ok_or(InvalidSchedule)?)?)))
    }

    /// Reads the expression of a schedule of EventBridge Scheduler: a rate, whose unit may be in either number, cron, or `at`.
    ///
    /// # Errors
    /// For anything else.
    pub fn of_scheduler(text: &str) -> Result<Self, InvalidSchedule> {
        if let Some(rate) = inside(text, "rate") {
            let (value, unit) = rate_of(rate)?;
            return period_ms(value, unit).map(Self::Rate);
        }
        if let Some(time) = inside(text, "at") {
            return local_time(time).map(Self::At).ok_or(InvalidSchedule);
        }
        Self::of_rule(text)
    }

    /// The first time after `after_ms` at which it is due; what it counts from is `start_ms`, and `zone` has its calendar. Unix time,
    /// milliseconds. `None`: never again. A time that the clocks of the zone leave out does not come; one that they show twice comes
    /// the first time.
    #[must_use]
    pub fn next_after(&self, after_ms: i64, start_ms: i64, zone: &dyn Zone) -> Option<i64> {
        match self {
            Self::Rate(period_ms) => {
                let passed = (after_ms - start_ms).div_euclid(*period_ms).max(0);
                Some(start_ms + (passed + 1) * period_ms)
            }
            Self::Cron(cron) => {
                let mut minute = zone.local_ms(after_ms).div_euclid(MINUTE_MS);
                loop {
                    minute = cron.first_from(minute + 1)?;
                    let time = zone.unix_ms(minute * MINUTE_MS);
                    if let Some(time) = time.filter(|time| *time > after_ms) {
                        return Some(time);
                    }
                }
            }
            Self::At(local_ms) => zone.unix_ms(*local_ms).filter(|time| *time > after_ms),
        }
    }
}

/// What is between the parentheses.
fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

/// How many of which unit.
fn rate_of(rate: &str) -> Result<(i64, &str), InvalidSchedule> {
    let (value, unit) = rate.split_once(' ').ok_or(InvalidSchedule)?;
    let is_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.parse().ok().filter(|value| is_digits && *value > 0).ok_or(InvalidSchedule)?;
    Ok((value, unit))
}

fn period_ms(value: i64, unit: &str) -> Result<i64, InvalidSchedule> {
    let unit_ms = match unit {
        "minute" | "minutes" => MINUTE_MS,
        "hour" | "hours" => 60 * MINUTE_MS,
        "day" | "days" => 24 * 60 * MINUTE_MS,
        _ => return Err(InvalidSchedule),
    };
    value.checked_mul(unit_ms).filter(|period| *period <= PERIOD_MS_MAX).ok_or(InvalidSchedule)
}

/// `2026-11-29T12:00:00`, in milliseconds since the beginning of 1970.
fn local_time(text: &str) -> Option<i64> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let has_form =
        |(form, byte): (&u8, u8)| if *form == b'd' { byte.is_ascii_digit() } else { *form == byte };
    if text.len() != FORM.len() || !FORM.iter().zip(text.bytes()).all(has_form) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let date = Date { year: number(0, 4)?.into(), month: number(5, 7)?, day: number(8, 10)? };
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_date = (1..=12).contains(&date.month) && (1..=date.days_of_month()).contains(&date.day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((date.number() * 86_400 + i64::from(hour * 3_600 + minute * 60 + second)) * 1_000)
}

/// A thousand years: what is added to a time stays one.
const PERIOD_MS_MAX: i64 = 1_000 * 366 * 24 * 60 * MINUTE_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units_that_fit_their_number() {
        for (text, minutes) in [
            ("rate(1 minute)", 1),
            ("rate(5 minutes)", 5),
            ("rate(1 hour)", 60),
            ("rate(2 hours)", 120),
            ("rate(1 day)", 1_440),
            ("rate(7 days)", 10_080),
        ] {
            assert_eq!(Schedule::of_rule(text), Ok(Schedule::Rate(minutes * MINUTE_MS)), "{text}");
        }
        for text in [
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(-5 minutes)",
            "rate(+5 minutes)",
            "rate(5 seconds)",
            "rate(5)",
            "rate(5  minutes)",
            "rate(99999999999999999999 days)",
            "rate(9999999999999 days)",
            "rate 5 minutes",
            "every(5 minutes)",
            "",
        ] {
            assert_eq!(Schedule::of_rule(text), Err(InvalidSchedule), "{text}");
        }
    }

    #[test]
    fn a_rate_counts_from_its_start() {
        let rate = Schedule::of_rule("rate(5 minutes)").unwrap();
        assert_eq!(rate.next_after(1_000, 1_000, &Utc), Some(301_000));
        assert_eq!(rate.next_after(300_999, 1_000, &Utc), Some(301_000));
        assert_eq!(rate.next_after(301_000, 1_000, &Utc), Some(601_000));
        // A clock that was before its start.
        assert_eq!(rate.next_after(0, 1_000, &Utc), Some(301_000));
    }

    #[test]
    fn the_scheduler_knows_more_expressions() {
        for (text, minutes) in [("rate(1 minutes)", 1), ("rate(5 minute)", 5), ("rate(2 day)", 2_880)] {
            assert_eq!(Schedule::of_scheduler(text), Ok(Schedule::Rate(minutes * MINUTE_MS)), "{text}");
        }
        assert_eq!(Schedule::of_scheduler("at(1970-01-02T03:04:05)"), Ok(Schedule::At(97_445_000)));
        assert!(matches!(Schedule::of_scheduler("cron(0 12 * * ? *)"), Ok(Schedule::Cron(_))));
        for text in [
            "at(1970-01-02)",
            "at(1970-01-02T03:04)",
            "at(1970-01-02T03:04:05Z)",
            "at(1970-01-02 03:04:05)",
            "at(1970-02-29T03:04:05)",
            "at(1970-13-01T03:04:05)",
            "at(1970-01-00T03:04:05)",
            "at(1970-01-02T24:00:00)",
            "at(1970-01-02T23:60:00)",
            "at(1970-01-02T23:59:60)",
            "at(+970-01-02T23:59:59)",
            "at(1970-01-02T03:04:0\u{660})",
            "rate(1 week)",
        ] {
            assert_eq!(Schedule::of_scheduler(text), Err(InvalidSchedule), "{text}");
        }
        assert_eq!(Schedule::of_rule("at(1970-01-02T03:04:05)"), Err(InvalidSchedule));
    }
}
