//! AWS's cron: minutes, hours, day of the month, month, day of the week, year; of the two days one is `?`.

use super::{
    InvalidSchedule,
    calendar::Date,
    field::{DAYS, HOURS, MINUTES, MONTHS, Numbers, WEEKDAYS, YEARS},
};

const MINUTES_OF_DAY: i64 = 24 * 60;

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

/// Which days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<OfMonth>),
    OfWeek(Vec<OfWeek>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum OfMonth {
    Numbers(Numbers),
    /// `L`
    Last,
    /// `3W`: the day from Monday to Friday that is nearest to it in its month.
    NearestWeekday(u32),
    /// `LW`: the last day from Monday to Friday.
    LastWeekday,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum OfWeek {
    Numbers(Numbers),
    /// `6L`: the last Friday.
    Last(u32),
    /// `3#2`: the second Tuesday.
    Nth(u32, u32),
}

impl Cron {
    /// Reads what is between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day_of_month, months, day_of_week, years] = fields[..] else {
            return Err(InvalidSchedule);
        };
        let days = match (day_of_month, day_of_week) {
            ("?", "?") => return Err(InvalidSchedule),
            ("?", days) => Days::OfWeek(days.split(',').map(OfWeek::parse).collect::<Result<_, _>>()?),
            (days, "?") => Days::OfMonth(days.split(',').map(OfMonth::parse).collect::<Result<_, _>>()?),
            _ => return Err(InvalidSchedule),
        };
        Ok(Self {
            minutes: Numbers::parse(minutes, MINUTES)?,
            hours: Numbers::parse(hours, HOURS)?,
            days,
            months: Numbers::parse(months, MONTHS)?,
            years: Numbers::parse(years, YEARS)?,
        })
    }

    /// The first minute that it names, from this one on; minutes since 1970.
    pub(super) fn first_from(&self, minute: i64) -> Option<i64> {
        let (mut day, mut from) = (minute.div_euclid(MINUTES_OF_DAY), minute.rem_euclid(MINUTES_OF_DAY));
        loop {
            let date = Date::of_number(day);
            if date.year > i64::from(YEARS.max) {
                return None;
            }
            if !self.is_year(date.year) {
                (day, from) = (Date { year: date.year + 1, month: 1, day: 1 }.number(), 0);
                continue;
            }
            if self.names(date)
                && let Some(time) = (from..MINUTES_OF_DAY).find(|time| self.is_time(*time))
            {
                return Some(day * MINUTES_OF_DAY + time);
            }
            (day, from) = (day + 1, 0);
        }
    }

    fn is_year(&self, year: i64) -> bool {
        u32::try_from(year).is_ok_and(|year| self.years.contains(year))
    }

    fn is_time(&self, minute_of_day: i64) -> bool {
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        self.hours.contains(number(minute_of_day / 60)) && self.minutes.contains(number(minute_of_day % 60))
    }

    fn names(&self, date: Date) -> bool {
        self.months.contains(date.month)
            && match &self.days {
                Days::OfMonth(days) => days.iter().any(|day| day.names(date)),
                Days::OfWeek(days) => days.iter().any(|day| day.names(date)),
            }
    }
}

impl OfMonth {
    fn parse(part: &str) -> Result<Self, InvalidSchedule> {
        match part {
            "L" => return Ok(Self::Last),
            "LW" => return Ok(Self::LastWeekday),
            _ => {}
        }
        if let Some(day) = part.strip_suffix('W') {
            return DAYS.value(day).map(Self::NearestWeekday);
        }
        Numbers::parse(part, DAYS).map(Self::Numbers)
    }

    fn names(&self, date: Date) -> bool {
        let last = date.days_of_month();
        match self {
            Self::Numbers(numbers) => numbers.contains(date.day),
            Self::Last => date.day == last,
            Self::LastWeekday => date.day == nearest_weekday(Date { day: last, ..date }),
            Self::NearestWeekday(day) => {
                *day <= last && date.day == nearest_weekday(Date { day: *day, ..date })
            }
        }
    }
}

/// The day of the month, from Monday to Friday, that is nearest to one of the same month.
fn nearest_weekday(date: Date) -> u32 {
    const SUNDAY: u32 = 1;
    const SATURDAY: u32 = 7;
    match date.weekday() {
        SATURDAY if date.day == 1 => 3,
        SATURDAY => date.day - 1,
        SUNDAY if date.day == date.days_of_month() => date.day - 2,
        SUNDAY => date.day + 1,
        _ => date.day,
    }
}

impl OfWeek {
    fn parse(part: &str) -> Result<Self, InvalidSchedule> {
        if let Some((day, number)) = part.split_once('#') {
            let number = match number {
                "1" => 1,
                "2" => 2,
                "3" => 3,
                "4" => 4,
                "5" => 5,
                _ => return Err(InvalidSchedule),
            };
            return Ok(Self::Nth(WEEKDAYS.value(day)?, number));
        }
        match part.strip_suffix('L') {
            // Alone it is the last day of the week.
            Some("") => Numbers::parse("7", WEEKDAYS).map(Self::Numbers),
            Some(day) => WEEKDAYS.value(day).map(Self::Last),
            None => Numbers::parse(part, WEEKDAYS).map(Self::Numbers),
        }
    }

    fn names(&self, date: Date) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.contains(date.weekday()),
            Self::Last(day) => date.weekday() == *day && date.day + 7 > date.days_of_month(),
            Self::Nth(day, number) => date.weekday() == *day && (date.day - 1) / 7 + 1 == *number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(year: i64, month: u32, day: u32, hour: i64, minute: i64) -> i64 {
        Date { year, month, day }.number() * MINUTES_OF_DAY + hour * 60 + minute
    }

    /// The next times after 30 November 2026, a Monday, at 12:00.
    #[test]
    fn every_form_names_its_minutes() {
        let from = minute(2026, 11, 30, 12, 0) + 1;
        for (text, (year, month, day, hour, at)) in [
            ("* * * * ? *", (2026, 11, 30, 12, 1)),
            ("0 10 * * ? *", (2026, 12, 1, 10, 0)),
            ("15 12 * * ? *", (2026, 11, 30, 12, 15)),
            ("0 18 ? * MON-FRI *", (2026, 11, 30, 18, 0)),
            ("0 8 ? * 2-6 *", (2026, 12, 1, 8, 0)),
            ("0 8 1 * ? *", (2026, 12, 1, 8, 0)),
            ("0/15 * * * ? *", (2026, 11, 30, 12, 15)),
            ("0/10 * ? * mon-fri *", (2026, 11, 30, 12, 10)),
            ("0/5 8-17 ? * MON-FRI *", (2026, 11, 30, 12, 5)),
            ("*/20 13 * * ? *", (2026, 11, 30, 13, 0)),
            ("10-40/15 13 * * ? *", (2026, 11, 30, 13, 10)),
            ("0,30 0 * * ? *", (2026, 12, 1, 0, 0)),
            ("0 0 L * ? *", (2026, 12, 31, 0, 0)),
            ("0 0 L FEB ? *", (2027, 2, 28, 0, 0)),
            ("0 0 29 2 ? *", (2028, 2, 29, 0, 0)),
            // 5 December 2026 is a Saturday, 6 December a Sunday.
            ("0 0 5W 12 ? *", (2026, 12, 4, 0, 0)),
            ("0 0 6W 12 ? *", (2026, 12, 7, 0, 0)),
            // 1 May 2027 is a Saturday, 31 January 2027 a Sunday.
            ("0 0 1W 5 ? *", (2027, 5, 3, 0, 0)),
            ("0 0 31W 1 ? *", (2027, 1, 29, 0, 0)),
            ("0 0 LW 1 ? *", (2027, 1, 29, 0, 0)),
            ("0 0 ? * L *", (2026, 12, 5, 0, 0)),
            ("0 0 ? * 6L *", (2026, 12, 25, 0, 0)),
            ("0 0 ? * FRIL *", (2026, 12, 25, 0, 0)),
            ("0 0 ? * 3#2 *", (2026, 12, 8, 0, 0)),
            ("0 0 ? * TUE#5 *", (2026, 12, 29, 0, 0)),
            ("0 0 1 1 ? 2030-2040/5", (2030, 1, 1, 0, 0)),
        ] {
            let expected = Some(minute(year, month, day, hour, at));
            assert_eq!(Cron::parse(text).unwrap().first_from(from), expected, "{text}");
        }
        assert_eq!(Cron::parse("0 0 1 1 ? 2020").unwrap().first_from(from), None);
        assert_eq!(Cron::parse("0 0 31 2 ? *").unwrap().first_from(from), None);
    }

    #[test]
    fn what_is_no_cron_is_refused() {
        for text in [
            "",
            "* * * * *",
            "* * * * * *",
            "* * ? * ? *",
            "* * * * ? * *",
            "60 * * * ? *",
            "* 24 * * ? *",
            "* * 0 * ? *",
            "* * 32 * ? *",
            "* * * 13 ? *",
            "* * ? * 8 *",
            "* * ? * 0 *",
            "* * ? * MON#6 *",
            "* * ? * XYZ *",
            "* * * * ? 1969",
            "* * * * ? 2200",
            "5-1 * * * ? *",
            "0/0 * * * ? *",
            "? * * * ? *",
            "-1 * * * ? *",
            "1, * * * ? *",
            "* * 40W * ? *",
        ] {
            assert_eq!(Cron::parse(text), Err(InvalidSchedule), "{text}");
        }
    }
}
