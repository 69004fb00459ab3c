//! The Gregorian calendar, by the number of days since 1 January 1970.

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub year: i64,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

impl Date {
    /// The day of that number (Howard Hinnant, "chrono-compatible low-level date algorithms").
    pub(super) fn of_number(number: i64) -> Self {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month: u32::try_from(month).unwrap_or(1), day: u32::try_from(day).unwrap_or(1) }
    }

    /// Its number.
    pub(super) fn number(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// 1 is Sunday, 7 is Saturday.
    pub(super) fn weekday(self) -> u32 {
        u32::try_from((self.number() + 4).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// How many days its month has.
    pub(super) fn days_of_month(self) -> u32 {
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_numbers_belong_to_each_other() {
        let date = |year, month, day| Date { year, month, day };
        for (day, number, weekday) in
            [(date(1970, 1, 1), 0, 5), (date(2000, 2, 29), 11_016, 3), (date(2026, 11, 29), 20_786, 1)]
        {
            assert_eq!((day.number(), day.weekday(), Date::of_number(number)), (number, weekday, day));
        }
        for number in -1_000..100_000 {
            assert_eq!(Date::of_number(number).number(), number);
        }
        assert_eq!((date(2100, 2, 1).days_of_month(), date(2000, 2, 1).days_of_month()), (28, 29));
    }
}
