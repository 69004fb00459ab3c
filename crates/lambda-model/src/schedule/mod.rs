//! Schedule expressions (EventBridge user guide, "Creating a rule that runs on a schedule"): when something is due, in UTC.
//!
//! `rate(5 minutes)` counts from when it was made; `cron(0 12 ? * MON-FRI *)` names minutes of the calendar.

mod calendar;
mod cron;
mod field;

use cron::Cron;

const MINUTE_MS: i64 = 60_000;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many milliseconds.
    Rate(i64),
    /// At minutes of the calendar.
    Cron(Box<Cron>),
}

/// It is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSchedule;

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inside("rate") {
            return period_ms(rate).map(Self::Rate);
        }
        Ok(Self::Cron(Box::new(Cron::parse(inside("cron").ok_or(InvalidSchedule)?)?)))
    }

    /// The first time after `after_ms` at which it is due; `start_ms` is when it was made. Unix time, milliseconds. `None`: never again.
    #[must_use]
    pub fn next_after(&self, after_ms: i64, start_ms: i64) -> Option<i64> {
        match self {
            Self::Rate(period_ms) => {
                let passed = (after_ms - start_ms).div_euclid(*period_ms).max(0);
                Some(start_ms + (passed + 1) * period_ms)
            }
            Self::Cron(cron) => {
                let minute = after_ms.div_euclid(MINUTE_MS) + 1;
                cron.first_from(minute).map(|minute| minute * MINUTE_MS)
            }
        }
    }
}

/// One has a singular unit, and nothing else has (recorded from AWS).
fn period_ms(rate: &str) -> Result<i64, InvalidSchedule> {
    let (value, unit) = rate.split_once(' ').ok_or(InvalidSchedule)?;
    let is_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = value.parse().ok().filter(|value| is_digits && *value > 0).ok_or(InvalidSchedule)?;
    let unit_ms = match (unit, value) {
        ("minute", 1) => MINUTE_MS,
        ("minutes", 2..) => MINUTE_MS,
        ("hour", 1) => 60 * MINUTE_MS,
        ("hours", 2..) => 60 * MINUTE_MS,
        ("day", 1) => 24 * 60 * MINUTE_MS,
        ("days", 2..) => 24 * 60 * MINUTE_MS,
        _ => return Err(InvalidSchedule),
    };
    value.checked_mul(unit_ms).filter(|period| *period <= PERIOD_MS_MAX).ok_or(InvalidSchedule)
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
            assert_eq!(Schedule::parse(text), Ok(Schedule::Rate(minutes * MINUTE_MS)), "{text}");
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
            assert_eq!(Schedule::parse(text), Err(InvalidSchedule), "{text}");
        }
    }

    #[test]
    fn a_rate_counts_from_its_start() {
        let rate = Schedule::parse("rate(5 minutes)").unwrap();
        assert_eq!(rate.next_after(1_000, 1_000), Some(301_000));
        assert_eq!(rate.next_after(300_999, 1_000), Some(301_000));
        assert_eq!(rate.next_after(301_000, 1_000), Some(601_000));
        // A clock that was before its start.
        assert_eq!(rate.next_after(0, 1_000), Some(301_000));
    }
}
