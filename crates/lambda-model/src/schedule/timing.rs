//! When a schedule of EventBridge Scheduler has its target invoked: its expression, between two dates, each time somewhere in a window.

use super::{Schedule, Zone};

/// The times of a schedule. Unix times, milliseconds.
#[derive(Debug, Clone)]
pub struct Timing {
    /// What it says.
    pub schedule: Schedule,
    /// When it was made or changed: a rate without a start date is due at once.
    pub since_ms: i64,
    /// Nothing is due before.
    pub start_ms: Option<i64>,
    /// Nothing is due from then on.
    pub end_ms: Option<i64>,
    /// How long after what the expression says it may be due; 0 for not at all.
    pub window_ms: i64,
    /// What spreads the times in the window; the same for the same schedule.
    pub seed: u64,
}

impl Timing {
    /// The first time after `after_ms` at which it is due.
    #[must_use]
    pub fn next_after(&self, after_ms: i64, zone: &dyn Zone) -> Option<i64> {
        self.due_times(after_ms, zone).filter(|due| *due > after_ms).min()
    }

    /// What the expression says of something that is due then; that itself where it says nothing.
    #[must_use]
    pub fn scheduled_at(&self, due_ms: i64, zone: &dyn Zone) -> i64 {
        let mut said = self.said_after(due_ms.saturating_sub(self.window_ms + 1), zone);
        said.find(|said| *said > due_ms || self.spread(*said) == due_ms)
            .filter(|said| *said <= due_ms)
            .unwrap_or(due_ms)
    }

    /// Whether it is for one time alone.
    #[must_use]
    pub fn is_once(&self) -> bool {
        matches!(self.schedule, Schedule::At(_))
    }

    /// Times at which it is due, the first one after `after_ms` among them: no later one can be due before that.
    fn due_times(&self, after_ms: i64, zone: &dyn Zone) -> impl Iterator<Item = i64> {
        let mut first: Option<i64> = None;
        let said = self.said_after(after_ms.saturating_sub(self.window_ms), zone);
        said.map_while(move |said| {
            if first.is_some_and(|first| said >= first) {
                return None;
            }
            let due = self.spread(said);
            if due > after_ms {
                first = Some(first.map_or(due, |first| first.min(due)));
            }
            Some(due)
        })
    }

    /// What the expression says after a time, between the two dates.
    fn said_after(&self, after_ms: i64, zone: &dyn Zone) -> impl Iterator<Item = i64> {
        let next = |after_ms: i64| self.first_after(after_ms, zone).filter(|said| self.is_before_end(*said));
        std::iter::successors(next(after_ms), move |said| next(*said))
    }

    fn first_after(&self, after_ms: i64, zone: &dyn Zone) -> Option<i64> {
        // What is due once is due whatever the dates are (ScheduleExpression, StartDate).
        let start_ms = self.start_ms.filter(|_| !self.is_once());
        let after_ms = start_ms.map_or(after_ms, |start_ms| after_ms.max(start_ms - 1));
        let counted_from_ms = start_ms.unwrap_or(self.since_ms);
        match self.schedule {
            Schedule::Rate(_) if after_ms < counted_from_ms => Some(counted_from_ms),
            _ => self.schedule.next_after(after_ms, counted_from_ms, zone),
        }
    }

    fn is_before_end(&self, said_ms: i64) -> bool {
        self.is_once() || self.end_ms.is_none_or(|end_ms| said_ms < end_ms)
    }

    /// Somewhere in the window of a time, and always there.
    fn spread(&self, said_ms: i64) -> i64 {
        match u64::try_from(self.window_ms) {
            Ok(window_ms) if window_ms > 0 => {
                let offset = mixed(self.seed ^ said_ms.cast_unsigned()) % window_ms;
                said_ms.saturating_add(offset.cast_signed())
            }
            _ => said_ms,
        }
    }
}

/// Bits that depend on all bits of a number (the last steps of splitmix64).
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::Utc;
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn timing(expression: &str) -> Timing {
        let schedule = Schedule::of_scheduler(expression).unwrap();
        Timing { schedule, since_ms: 1_000, start_ms: None, end_ms: None, window_ms: 0, seed: 7 }
    }

    fn times(timing: &Timing, from_ms: i64, count: usize) -> Vec<i64> {
        let next = |after: &i64| timing.next_after(*after, &Utc);
        std::iter::successors(next(&from_ms), next).take(count).collect()
    }

    #[test]
    fn a_rate_begins_at_once_or_at_its_start_date() {
        let rate = timing("rate(5 minutes)");
        assert_eq!(times(&rate, 999, 3), [1_000, 301_000, 601_000]);
        let later = Timing { start_ms: Some(500_000), ..rate };
        assert_eq!(times(&later, 0, 2), [500_000, 800_000]);
    }

    #[test]
    fn dates_bound_what_comes_again_and_not_what_comes_once() {
        let bounded = Timing {
            start_ms: Some(2 * MINUTE_MS),
            end_ms: Some(5 * MINUTE_MS),
            ..timing("cron(* * * * ? *)")
        };
        assert_eq!(times(&bounded, 0, 9), [2 * MINUTE_MS, 3 * MINUTE_MS, 4 * MINUTE_MS]);
        let once = Timing {
            start_ms: Some(2 * MINUTE_MS),
            end_ms: Some(3 * MINUTE_MS),
            ..timing("at(1970-01-01T00:01:30)")
        };
        assert_eq!(times(&once, 0, 9), [90_000]);
        assert!(times(&once, 90_000, 9).is_empty());
    }

    /// Every time of the expression is due once, in its window, and knows what it comes from; also where windows overlap.
    #[test]
    fn windows_lose_nothing() {
        for window_minutes in [1, 5, 60] {
            let window_ms = window_minutes * MINUTE_MS;
            let spread =
                Timing { window_ms, end_ms: Some(1_000 * MINUTE_MS), ..timing("cron(0/3 * * * ? *)") };
            let due = times(&spread, -1, usize::MAX);
            assert!(due.is_sorted());
            let mut said: Vec<i64> = due.iter().map(|due| spread.scheduled_at(*due, &Utc)).collect();
            assert!(due.iter().zip(&said).all(|(due, said)| (*said..said + window_ms).contains(due)));
            said.sort_unstable();
            let every: Vec<i64> = (0..1_000).step_by(3).map(|minute| minute * MINUTE_MS).collect();
            assert_eq!(said, every, "{window_minutes}");
        }
        let sharp = timing("rate(1 minute)");
        assert_eq!(sharp.scheduled_at(61_000, &Utc), 61_000);
    }

    /// Clocks that leave out the hour from 01:00 on the first day, and show it twice on the second.
    struct Summer;

    impl Zone for Summer {
        fn local_ms(&self, unix_ms: i64) -> i64 {
            let is_summer = (60 * MINUTE_MS..25 * 60 * MINUTE_MS).contains(&unix_ms);
            unix_ms + if is_summer { 60 * MINUTE_MS } else { 0 }
        }

        fn unix_ms(&self, local_ms: i64) -> Option<i64> {
            match local_ms.div_euclid(60 * MINUTE_MS) {
                1 => None,
                2..26 => Some(local_ms - 60 * MINUTE_MS),
                _ => Some(local_ms),
            }
        }
    }

    #[test]
    fn what_clocks_leave_out_is_skipped_and_what_they_show_twice_comes_once() {
        let half_past = timing("cron(30 0-3 * * ? *)");
        let next = |after: &i64| half_past.next_after(*after, &Summer);
        let minutes: Vec<i64> =
            std::iter::successors(next(&0), next).take(7).map(|ms| ms / MINUTE_MS).collect();
        // 00:30, (not 01:30), 02:30 and 03:30 in summer; on the next day 00:30, 01:30 in summer, not again, 02:30, 03:30.
        assert_eq!(minutes, [30, 90, 150, 24 * 60 - 30, 24 * 60 + 30, 26 * 60 + 30, 27 * 60 + 30]);
        let gone = timing("at(1970-01-01T01:30:00)");
        assert_eq!(gone.next_after(0, &Summer), None);
    }
}
