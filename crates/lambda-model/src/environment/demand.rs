//! How many things to keep ready of a kind that is asked for now and then: pure counting, no I/O.
//!
//! As many as were asked for in the busiest second lately, so that a burst like the last one finds them; at least one as long as
//! anybody asked lately; none after that.

use std::collections::VecDeque;

use crate::limits;

/// What was asked for, second by second, as far back as [`limits::DEMAND_MEMORY_SECONDS`].
#[derive(Debug, Clone, Default)]
pub struct Demand {
    /// Seconds with requests, in order, and how many there were.
    seconds: VecDeque<(u64, usize)>,
}

impl Demand {
    /// One was asked for in this second of any clock that goes forward.
    pub fn asked(&mut self, second: u64) {
        match self.seconds.back_mut() {
            Some((last, count)) if *last >= second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        self.forget(second);
    }

    /// One may be asked for soon; how many say so does not matter.
    pub fn expected(&mut self, second: u64) {
        if self.seconds.back().is_none_or(|(last, _)| *last < second) {
            self.asked(second);
        }
    }

    /// The second in which one was last asked for, if that is not forgotten.
    pub fn last(&self) -> Option<u64> {
        self.seconds.back().map(|(second, _)| *second)
    }

    /// How many to have ready in this second, `most` at most.
    pub fn wanted(&mut self, second: u64, most: usize) -> usize {
        self.forget(second);
        self.seconds.iter().map(|(_, count)| *count).max().unwrap_or(0).min(most)
    }

    fn forget(&mut self, now: u64) {
        while self.seconds.front().is_some_and(|(second, _)| second + limits::DEMAND_MEMORY_SECONDS <= now) {
            self.seconds.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_decides_until_it_is_long_ago() {
        let mut demand = Demand::default();
        assert_eq!(demand.wanted(0, 8), 0, "nobody asked");
        for second in [5, 5, 5, 6] {
            demand.asked(second);
        }
        assert_eq!(demand.wanted(7, 8), 3);
        assert_eq!(demand.wanted(7, 2), 2, "no more than the most");
        assert_eq!(demand.wanted(5 + limits::DEMAND_MEMORY_SECONDS, 8), 1, "the second after it is left");
        assert_eq!(demand.wanted(6 + limits::DEMAND_MEMORY_SECONDS, 8), 0);
    }

    #[test]
    fn expectations_do_not_add_up() {
        let mut demand = Demand::default();
        (0..9).for_each(|_| demand.expected(3));
        assert_eq!(demand.wanted(3, 8), 1);
        demand.asked(3);
        assert_eq!(demand.wanted(3, 8), 2);
    }

    #[test]
    fn what_it_remembers_is_bounded_by_time() {
        let mut demand = Demand::default();
        (0..10 * limits::DEMAND_MEMORY_SECONDS).for_each(|second| demand.asked(second));
        assert!(demand.seconds.len() as u64 <= limits::DEMAND_MEMORY_SECONDS);
    }
}
