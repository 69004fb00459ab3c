//! How the environments of one function version are shared out: pure counting, no I/O.

/// What a pool knows at the moment a request arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Environments that could take the request now.
    pub idle: usize,
    /// Environments being started.
    pub starting: usize,
    /// Environments whose response is out and whose runtime will ask for more within a moment.
    pub finishing: usize,
    /// Requests that wait already.
    pub waiting: usize,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Hand it to the environment that became idle last: its memory is the warmest.
    MostRecentlyUsed,
    /// Let it wait; an environment that is finishing will take it within the grace time.
    WaitForFinishing,
    /// Let it wait and start an environment for it.
    StartAnother,
}

/// Places a request. Requests that wait are matched with starting environments first, then with finishing ones.
pub fn place(counts: PoolCounts) -> Placement {
    if counts.idle > 0 {
        return Placement::MostRecentlyUsed;
    }
    let spoken_for = counts.waiting.saturating_sub(counts.starting);
    if counts.finishing > spoken_for { Placement::WaitForFinishing } else { Placement::StartAnother }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_environment_is_always_preferred() {
        let counts = PoolCounts { idle: 1, starting: 3, finishing: 2, waiting: 5 };
        assert_eq!(place(counts), Placement::MostRecentlyUsed);
    }

    #[test]
    fn one_finishing_environment_serves_one_waiting_request() {
        let mut counts = PoolCounts { finishing: 1, ..PoolCounts::default() };
        assert_eq!(place(counts), Placement::WaitForFinishing);
        counts.waiting = 1;
        assert_eq!(place(counts), Placement::StartAnother);
        counts.starting = 1;
        assert_eq!(place(counts), Placement::WaitForFinishing);
    }

    #[test]
    fn an_empty_pool_starts() {
        assert_eq!(place(PoolCounts::default()), Placement::StartAnother);
    }
}
