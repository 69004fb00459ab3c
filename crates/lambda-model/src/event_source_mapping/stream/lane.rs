//! A lane: how far a shard is read, and what of it has failed so far.

use serde::{Deserialize, Serialize};

use super::Window;

/// The wait after a first failure, milliseconds; it doubles with each further one. Eight attempts of a record fit into a minute
/// (recorded with an age of 60 s).
const PAUSE_MS_MIN: u64 = 500;
/// The longest such wait, milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;

/// What is kept of a lane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Everything before this place is done.
    pub next: u64,
    /// What has failed, in its order: the first is tried next, and nothing behind the last was tried yet.
    #[serde(default)]
    pub failed: Vec<Part>,
    /// The window that is open, where there are windows.
    #[serde(default)]
    pub window: Option<Window>,
}

/// Records that are tried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The place of the first.
    pub first: u64,
    /// The last place of it: of a record, or of one that no filter let through.
    pub last: u64,
    /// Failures that count against the retries.
    pub failures: u32,
    /// How often the function was invoked with its records.
    pub invocations: u32,
}

/// How long a batch is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts after the first; `None` for any number.
    pub retries_max: Option<u32>,
    /// Whether a batch that fails is tried in halves.
    pub bisects: bool,
}

/// What an invocation says of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// All of it is done.
    Done,
    /// What is before this place is done, and the rest is not (K-05).
    FailedFrom(u64),
    /// It has failed.
    Failed,
}

/// What follows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// On to the next.
    Done,
    /// Some of it is tried again.
    Again,
    /// What was left of it is given up, from this place on.
    Exhausted {
        /// The first record of what is given up.
        from: u64,
        /// How often the function was invoked with it.
        invocations: u32,
    },
}

impl Lane {
    /// That begins at a place.
    pub fn at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// Takes in what an invocation with records at these places said, in their order, which reach to `last`.
    pub fn settle(&mut self, places: &[u64], last: u64, judged: Judged, patience: Patience) -> Settled {
        let first = places.first().copied().unwrap_or(last);
        let fresh = Part { first, last, failures: 0, invocations: 0 };
        let tried = if self.failed.is_empty() { fresh } else { self.failed.remove(0) };
        let mut part = Part { last, invocations: tried.invocations.saturating_add(1), ..tried };
        let is_further = |place: &u64| *place > first && places.contains(place);
        let from = match judged {
            Judged::Done => {
                self.next = last.saturating_add(1);
                return Settled::Done;
            }
            Judged::FailedFrom(place) if is_further(&place) => place,
            Judged::FailedFrom(_) | Judged::Failed => first,
        };
        self.next = from;
        part.first = from;
        if patience.bisects && from > first {
            self.failed.insert(0, part);
            return Settled::Again;
        }
        if patience.bisects && places.len() > 1 {
            let middle = places[places.len() / 2];
            let halves = [Part { last: middle.saturating_sub(1), ..part }, Part { first: middle, ..part }];
            self.failed.splice(0..0, halves);
            return Settled::Again;
        }
        part.failures = part.failures.saturating_add(1);
        if patience.retries_max.is_some_and(|max| part.failures > max) {
            self.next = last.saturating_add(1);
            return Settled::Exhausted { from, invocations: part.invocations };
        }
        self.failed.insert(0, part);
        Settled::Again
    }

    /// Leaves out what reaches to a place: it is too old, or gone, or nothing of it is wanted.
    pub fn leave_out(&mut self, last: u64) {
        self.failed.retain(|part| part.last > last);
        if let Some(part) = self.failed.first_mut() {
            part.first = part.first.max(last.saturating_add(1));
        }
        self.next = self.next.max(last.saturating_add(1));
    }

    /// Makes two parts of the first: what is before a place, and the rest.
    pub fn cut(&mut self, at: u64) {
        let Some(part) = self.failed.first().copied().filter(|part| part.first < at && at <= part.last)
        else {
            return;
        };
        let parts = [Part { last: at - 1, ..part }, Part { first: at, ..part }];
        self.failed.splice(0..1, parts);
    }

    /// How often the function was invoked with what is next.
    pub fn invocations(&self) -> u32 {
        self.failed.first().map_or(0, |part| part.invocations)
    }
}

/// How long to wait after so many failures of any kind, one after another: milliseconds.
pub fn pause_ms(failures: u32) -> u64 {
    PAUSE_MS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE: Patience = Patience { retries_max: Some(1), bisects: false };
    const HALVES: Patience = Patience { retries_max: Some(0), bisects: true };

    /// What the first part holds of a batch of all these places.
    fn next_of(lane: &Lane, all: &[u64]) -> Vec<u64> {
        let Some(part) = lane.failed.first() else {
            return all.iter().copied().filter(|place| *place >= lane.next).collect();
        };
        all.iter().copied().filter(|place| (part.first..=part.last).contains(place)).collect()
    }

    #[test]
    fn k_03_a_batch_fails_as_often_as_it_may_and_is_given_up() {
        let mut lane = Lane::at(5);
        assert_eq!(lane.settle(&[5, 7], 8, Judged::Failed, TWICE), Settled::Again);
        assert_eq!((lane.next, lane.invocations()), (5, 1));
        assert_eq!(lane.failed[0], Part { first: 5, last: 8, failures: 1, invocations: 1 });
        let given_up = lane.settle(&[5, 7], 8, Judged::Failed, TWICE);
        assert_eq!(given_up, Settled::Exhausted { from: 5, invocations: 2 });
        assert_eq!(lane, Lane::at(9));
        let for_ever = Patience { retries_max: None, bisects: false };
        (0..1_000).for_each(|_| assert_eq!(lane.settle(&[9], 9, Judged::Failed, for_ever), Settled::Again));
        assert_eq!(lane.settle(&[9], 9, Judged::Done, for_ever), Settled::Done);
        assert_eq!(lane, Lane::at(10));
    }

    #[test]
    fn k_04_halves_do_not_use_up_retries_and_find_the_one_that_fails() {
        let all: Vec<u64> = (1..=8).collect();
        let (mut lane, mut invoked, mut given_up) = (Lane::at(1), Vec::new(), Vec::new());
        while lane.next <= 8 {
            let batch = next_of(&lane, &all);
            let judged = if batch.contains(&6) { Judged::Failed } else { Judged::Done };
            let last = lane.failed.first().map_or(8, |part| part.last);
            let settled = lane.settle(&batch, last, judged, HALVES);
            if let Settled::Exhausted { .. } = settled {
                given_up.extend(batch.clone());
            }
            invoked.push(batch);
        }
        assert_eq!(given_up, [6]);
        let expected: [&[u64]; 7] = [&all, &[1, 2, 3, 4], &[5, 6, 7, 8], &[5, 6], &[5], &[6], &[7, 8]];
        assert_eq!(invoked, expected);
    }

    #[test]
    fn k_05_what_is_before_the_lowest_failure_is_done() {
        let mut lane = Lane::at(1);
        assert_eq!(lane.settle(&[1, 2, 3], 3, Judged::FailedFrom(2), TWICE), Settled::Again);
        assert_eq!(lane.next, 2);
        assert_eq!(lane.failed[0], Part { first: 2, last: 3, failures: 1, invocations: 1 });
        let given_up = lane.settle(&[2, 3], 3, Judged::FailedFrom(3), TWICE);
        assert_eq!(given_up, Settled::Exhausted { from: 3, invocations: 2 });
        // With halves it is split there, and that is no retry.
        let mut lane = Lane::at(1);
        assert_eq!(lane.settle(&[1, 2, 3], 3, Judged::FailedFrom(2), HALVES), Settled::Again);
        assert_eq!(lane.failed[0], Part { first: 2, last: 3, failures: 0, invocations: 1 });
        assert_eq!(lane.settle(&[2, 3], 3, Judged::FailedFrom(2), HALVES), Settled::Again);
        assert_eq!(lane.failed.len(), 2);
        let alone = lane.settle(&[2], 2, Judged::FailedFrom(2), HALVES);
        assert_eq!(alone, Settled::Exhausted { from: 2, invocations: 3 });
        assert_eq!(lane.next, 3);
    }

    #[test]
    fn what_is_left_out_is_behind() {
        let part = |first, last| Part { first, last, failures: 1, invocations: 2 };
        let mut lane = Lane { next: 1, failed: vec![part(1, 4), part(5, 9)], window: None };
        lane.leave_out(2);
        assert_eq!((lane.next, &lane.failed[..]), (3, &[part(3, 4), part(5, 9)][..]));
        lane.leave_out(4);
        assert_eq!((lane.next, &lane.failed[..]), (5, &[part(5, 9)][..]));
        lane.leave_out(20);
        assert_eq!(lane, Lane::at(21));
    }

    #[test]
    fn a_part_that_is_too_large_by_now_is_cut() {
        let part = |first, last| Part { first, last, failures: 1, invocations: 2 };
        let mut lane = Lane { next: 1, failed: vec![part(1, 9), part(10, 12)], window: None };
        lane.cut(4);
        assert_eq!(lane.failed, [part(1, 3), part(4, 9), part(10, 12)]);
        for nowhere in [1, 4, 99] {
            lane.cut(nowhere);
        }
        assert_eq!(lane.failed.len(), 3);
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses: Vec<_> = (1..10).map(pause_ms).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(pause_ms(u32::MAX), 60_000);
    }
}
