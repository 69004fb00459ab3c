//! One field of a cron expression that is a set of numbers: `*`, `3`, `MON`, `1-5`, `0/15`, and lists of them.

use super::InvalidSchedule;

/// What numbers a field may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub min: u32,
    pub max: u32,
    /// Names of the numbers from `min` on.
    pub names: &'static [&'static str],
}

pub(super) const MINUTES: Kind = Kind { min: 0, max: 59, names: &[] };
pub(super) const HOURS: Kind = Kind { min: 0, max: 23, names: &[] };
pub(super) const DAYS: Kind = Kind { min: 1, max: 31, names: &[] };
pub(super) const YEARS: Kind = Kind { min: 1970, max: 2199, names: &[] };
pub(super) const MONTHS: Kind = Kind {
    min: 1,
    max: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
pub(super) const WEEKDAYS: Kind =
    Kind { min: 1, max: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };

/// Ranges of numbers, with the steps in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Numbers(Vec<(u32, u32, u32)>);

impl Numbers {
    /// Reads a whole field.
    pub(super) fn parse(text: &str, kind: Kind) -> Result<Self, InvalidSchedule> {
        let mut numbers = Self::default();
        text.split(',').try_for_each(|part| numbers.add(part, kind))?;
        Ok(numbers)
    }

    /// Reads one part of a list.
    pub(super) fn add(&mut self, part: &str, kind: Kind) -> Result<(), InvalidSchedule> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, number(step).filter(|step| *step > 0).ok_or(InvalidSchedule)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (kind.value(from)?, kind.value(to)?),
            None if range == "*" => (kind.min, kind.max),
            // With a step it goes on to the end.
            None if part.contains('/') => (kind.value(range)?, kind.max),
            None => (kind.value(range)?, kind.value(range)?),
        };
        if from > to {
            return Err(InvalidSchedule);
        }
        self.0.push((from, to, step));
        Ok(())
    }

    pub(super) fn contains(&self, value: u32) -> bool {
        self.0
            .iter()
            .any(|(from, to, step)| (*from..=*to).contains(&value) && (value - from).is_multiple_of(*step))
    }
}

impl Kind {
    /// A number, or its name.
    pub(super) fn value(self, text: &str) -> Result<u32, InvalidSchedule> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|index| u32::try_from(index).ok()).map(|index| index + self.min);
        let value = named.or_else(|| number(text)).ok_or(InvalidSchedule)?;
        if (self.min..=self.max).contains(&value) { Ok(value) } else { Err(InvalidSchedule) }
    }
}

fn number(text: &str) -> Option<u32> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}
