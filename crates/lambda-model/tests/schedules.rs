//! AWS's cron against a calendar that is walked day by day and minute by minute.

use lambda_model::schedule::{Schedule, Utc};
use proptest::prelude::*;

/// A field that is a set of numbers, as it is written and as it is meant.
#[derive(Debug, Clone)]
enum Field {
    Any,
    One(u32),
    Some(Vec<u32>),
    Range(u32, u32),
    Every(u32, u32),
    RangeEvery(u32, u32, u32),
}

impl Field {
    fn of(least: u32, most: u32) -> impl Strategy<Value = Self> {
        let ordered =
            move || (least..=most, least..=most).prop_map(|(one, other)| (one.min(other), one.max(other)));
        prop_oneof![
            Just(Self::Any),
            (least..=most).prop_map(Self::One),
            prop::collection::vec(least..=most, 1..4).prop_map(Self::Some),
            ordered().prop_map(|(from, to)| Self::Range(from, to)),
            (least..=most, 1..=7_u32).prop_map(|(from, step)| Self::Every(from, step)),
            (ordered(), 1..=7_u32).prop_map(|((from, to), step)| Self::RangeEvery(from, to, step)),
        ]
    }

    fn text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::One(number) => number.to_string(),
            Self::Some(all) => all.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            Self::Range(from, to) => format!("{from}-{to}"),
            Self::Every(from, step) => format!("{from}/{step}"),
            Self::RangeEvery(from, to, step) => format!("{from}-{to}/{step}"),
        }
    }

    fn has(&self, number: u32) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == number,
            Self::Some(all) => all.contains(&number),
            Self::Range(from, to) => (*from..=*to).contains(&number),
            Self::Every(from, step) => number >= *from && (number - from).is_multiple_of(*step),
            Self::RangeEvery(from, to, step) => {
                (*from..=*to).contains(&number) && (number - from).is_multiple_of(*step)
            }
        }
    }
}

/// Days of a month.
#[derive(Debug, Clone)]
enum Days {
    OfMonth(Field),
    Last,
    LastWeekday,
    Nearest(u32),
    OfWeek(Field),
    LastOfWeek(u32),
    Nth(u32, u32),
}

fn days() -> impl Strategy<Value = Days> {
    prop_oneof![
        Field::of(1, 31).prop_map(Days::OfMonth),
        Just(Days::Last),
        Just(Days::LastWeekday),
        (1..=28_u32).prop_map(Days::Nearest),
        Field::of(1, 7).prop_map(Days::OfWeek),
        (1..=7_u32).prop_map(Days::LastOfWeek),
        (1..=7_u32, 1..=5_u32).prop_map(|(day, nth)| Days::Nth(day, nth)),
    ]
}

impl Days {
    /// Day of the month, and of the week.
    fn text(&self) -> (String, String) {
        let none = || "?".to_owned();
        match self {
            Self::OfMonth(days) => (days.text(), none()),
            Self::Last => ("L".to_owned(), none()),
            Self::LastWeekday => ("LW".to_owned(), none()),
            Self::Nearest(day) => (format!("{day}W"), none()),
            Self::OfWeek(days) => (none(), days.text()),
            Self::LastOfWeek(day) => (none(), format!("{day}L")),
            Self::Nth(day, nth) => (none(), format!("{day}#{nth}")),
        }
    }

    /// Whether a day is one, of a month with these days.
    fn has(&self, day: &Day, month: &[Day]) -> bool {
        let is_working = |day: &&Day| (2..=6).contains(&day.weekday);
        match self {
            Self::OfMonth(days) => days.has(day.day),
            Self::Last => month.last() == Some(day),
            Self::LastWeekday => month.iter().rfind(is_working) == Some(day),
            Self::Nearest(wanted) => {
                let working = month.iter().filter(is_working);
                working.min_by_key(|one| one.day.abs_diff(*wanted)) == Some(day)
            }
            Self::OfWeek(days) => days.has(day.weekday),
            Self::LastOfWeek(wanted) => month.iter().rfind(|one| one.weekday == *wanted) == Some(day),
            Self::Nth(wanted, nth) => {
                month.iter().filter(|one| one.weekday == *wanted).nth(*nth as usize - 1) == Some(day)
            }
        }
    }
}

/// A day of the calendar; Sunday is 1.
#[derive(Debug, Clone, PartialEq)]
struct Day {
    number: i64,
    year: u32,
    month: u32,
    day: u32,
    weekday: u32,
}

/// Month by month from 1 January 2026, which is a Thursday and day 20,454 since 1970.
fn calendar() -> Vec<Vec<Day>> {
    let (mut months, mut number, mut weekday) = (Vec::new(), 20_454, 5);
    for year in 2026..2036 {
        let february = if year % 4 == 0 { 29 } else { 28 };
        for (month, days) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            let mut of_month = Vec::new();
            for day in 1..=days {
                of_month.push(Day { number, year, month, day, weekday });
                number += 1;
                weekday = weekday % 7 + 1;
            }
            months.push(of_month);
        }
    }
    months
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cron_names_the_minutes_that_a_walk_through_the_calendar_finds(
        (minutes, hours, months) in (Field::of(0, 59), Field::of(0, 23), Field::of(1, 12)),
        years in prop_oneof![Just(Field::Any), Just(Field::Range(2028, 2030)), Just(Field::One(2027))],
        days in days(),
        from in 0..1_000_000_i64,
    ) {
        let (of_month, of_week) = days.text();
        let text = format!(
            "cron({} {} {of_month} {} {of_week} {})",
            minutes.text(), hours.text(), months.text(), years.text()
        );
        let schedule = Schedule::of_rule(&text).map_err(|_| TestCaseError::fail(text.clone()))?;
        let after = 20_454 * 1_440 + from;
        let calendar = calendar();
        let days = calendar.iter().flat_map(|month| {
            let is_one = |day: &&Day| months.has(day.month) && years.has(day.year) && days.has(day, month);
            month.iter().filter(is_one)
        });
        let expected = days.flat_map(|day| {
            let is_one = |minute: &u32| hours.has(minute / 60) && minutes.has(minute % 60);
            (0..1_440_u32).filter(is_one).map(move |minute| day.number * 1_440 + i64::from(minute))
        });
        let expected = expected.into_iter().find(|minute| *minute > after);
        let found = schedule.next_after(after * 60_000, 0, &Utc).map(|at_ms| at_ms / 60_000);
        let end = calendar.last().and_then(|month| month.last()).map_or(0, |day| (day.number + 1) * 1_440);
        prop_assert_eq!(found.filter(|found| *found < end), expected, "{}", text);
    }
}
