//! How much of the server the backlog of one function may take, so that another's never waits for it.
//!
//! A function may run one more of its events while it runs fewer than are left free of all (dynamic thresholds): alone it takes half,
//! two take a third each, and what comes new always finds room. What a function has reserved is its own.

/// What runs of asynchronous events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Of this function.
    pub own: u32,
    /// Of all functions.
    pub all: u32,
}

/// Whether one more event of the function may be attempted. `total` may run on this server.
pub fn may_run(total: u32, reserved: Option<u32>, running: Running) -> bool {
    match reserved {
        // At least one, so that it is found out whether there is room.
        Some(reserved) => running.own < reserved.max(1),
        None => running.own < total.saturating_sub(running.all).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What functions with endless backlogs, asking in turn, come to run.
    fn settled(total: u32, functions: usize) -> Vec<u32> {
        let mut own = vec![0; functions];
        loop {
            let before = own.clone();
            for index in 0..functions {
                let running = Running { own: own[index], all: own.iter().sum() };
                own[index] += u32::from(may_run(total, None, running));
            }
            if own == before {
                return own;
            }
        }
    }

    #[test]
    fn backlogs_share_and_leave_room() {
        assert_eq!(settled(100, 1), [50]);
        assert_eq!(settled(99, 2), [33, 33]);
        assert_eq!(settled(4, 8), [1, 1, 1, 1, 1, 1, 1, 1], "each may try");
    }

    #[test]
    fn what_is_reserved_is_ones_own() {
        assert!(may_run(10, Some(20), Running { own: 19, all: 500 }));
        assert!(!may_run(1_000, Some(20), Running { own: 20, all: 20 }));
        assert!(may_run(1_000, Some(0), Running { own: 0, all: 0 }), "its events have to end");
    }
}
