//! How the environments of one function version are shared out: pure counting, no I/O.

use crate::limits;

/// What a pool knows at the moment a request arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Environments that could take the request now.
    pub idle: usize,
    /// Environments being started.
    pub starting: usize,
    /// Environments whose response is out and whose runtime will ask for more within a moment.
    pub finishing: usize,
    /// Of those, the ones that do so in less time than another takes to get warm.
    pub finishing_soon: usize,
    /// Requests that wait already.
    pub waiting: usize,
    /// Environments that have been started and not ended, whatever they do now.
    pub alive: usize,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Hand it to the environment that became idle last: its memory is the warmest.
    MostRecentlyUsed,
    /// Let it wait; an environment that is finishing will take it within the grace time, or else one that is idle, or one that is started.
    WaitForFinishing,
    /// Let it wait behind all others for [`PATIENCE_MS`](limits::PATIENCE_MS); where turns are short, one will be over by then.
    WaitForAny,
    /// Let it wait for one that is being started: whom that was for has been served by another meanwhile.
    WaitForStarting,
    /// Let it wait and start an environment for it.
    StartAnother,
}

/// Places a request. Requests that wait are matched with starting environments first, then with finishing ones; patient ones with
/// whatever is left over.
pub fn place(counts: PoolCounts, is_patient: bool) -> Placement {
    let spoken_for = counts.waiting.saturating_sub(counts.starting);
    let is_one_started_for_nobody = counts.starting > counts.waiting;
    if counts.idle > 0 {
        // Who waits before one that is starting is nobody's to look after: that one may take its time, and another is idle.
        let is_soon = counts.finishing_soon > spoken_for && !is_one_started_for_nobody;
        return if is_soon { Placement::WaitForFinishing } else { Placement::MostRecentlyUsed };
    }
    if is_patient && counts.alive + counts.starting > 0 {
        return Placement::WaitForAny;
    }
    match counts.finishing > spoken_for {
        true => Placement::WaitForFinishing,
        false if is_one_started_for_nobody => Placement::WaitForStarting,
        false => Placement::StartAnother,
    }
}

/// How many environments to start for patient requests, of which so many have waited too long. As many as there are, so that they
/// double: a start takes from those that run, and a start for each would make all that wait wait too long.
pub fn starts_for_patient(counts: PoolCounts, overdue: usize) -> usize {
    let starting = counts.starting.saturating_sub(counts.waiting);
    overdue.min(counts.alive.max(limits::PATIENT_STARTS_MIN)).saturating_sub(starting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_environment_is_preferred_to_all_but_one_that_was_answering_a_moment_ago() {
        let counts =
            PoolCounts { idle: 1, starting: 3, finishing: 2, waiting: 5, alive: 9, finishing_soon: 2 };
        for is_patient in [false, true] {
            assert_eq!(place(counts, is_patient), Placement::MostRecentlyUsed, "they have their requests");
            assert_eq!(place(PoolCounts { waiting: 4, ..counts }, is_patient), Placement::WaitForFinishing);
        }
    }

    #[test]
    fn one_finishing_environment_serves_one_waiting_request() {
        let mut counts = PoolCounts { finishing: 1, ..PoolCounts::default() };
        assert_eq!(place(counts, false), Placement::WaitForFinishing);
        counts.waiting = 1;
        assert_eq!(place(counts, false), Placement::StartAnother);
        counts.starting = 1;
        assert_eq!(place(counts, false), Placement::WaitForFinishing);
    }

    #[test]
    fn what_is_started_for_nobody_any_more_serves_who_comes_next() {
        let mut counts = PoolCounts { starting: 3, waiting: 2, alive: 1, ..PoolCounts::default() };
        assert_eq!(place(counts, false), Placement::WaitForStarting);
        let idle = PoolCounts { idle: 1, finishing: 1, finishing_soon: 1, ..counts };
        assert_eq!(place(idle, false), Placement::MostRecentlyUsed, "what starts may take long");
        counts.waiting = 3;
        assert_eq!(place(counts, false), Placement::StartAnother);
    }

    #[test]
    fn an_empty_pool_starts() {
        assert_eq!(place(PoolCounts::default(), false), Placement::StartAnother);
        assert_eq!(place(PoolCounts::default(), true), Placement::StartAnother);
    }

    #[test]
    fn whoever_has_time_waits_where_there_are_environments() {
        for counts in [
            PoolCounts { alive: 1, ..PoolCounts::default() },
            PoolCounts { starting: 1, waiting: 1, ..PoolCounts::default() },
        ] {
            assert_eq!(place(counts, true), Placement::WaitForAny);
            assert_eq!(place(counts, false), Placement::StartAnother);
        }
    }

    #[test]
    fn who_waited_too_long_gets_what_starts_for_nobody_else() {
        let counts = PoolCounts { starting: 3, waiting: 2, ..PoolCounts::default() };
        assert_eq!(starts_for_patient(counts, 1), 0);
        assert_eq!(starts_for_patient(counts, 4), 3);
        assert_eq!(starts_for_patient(PoolCounts { waiting: 9, ..counts }, 4), 4);
    }

    #[test]
    fn those_that_are_there_double_at_most() {
        let counts = PoolCounts { alive: 10, ..PoolCounts::default() };
        assert_eq!(starts_for_patient(counts, 500), 10);
        assert_eq!(starts_for_patient(PoolCounts { starting: 7, ..counts }, 500), 3);
        assert_eq!(starts_for_patient(PoolCounts { alive: 1, ..counts }, 500), limits::PATIENT_STARTS_MIN);
    }
}
