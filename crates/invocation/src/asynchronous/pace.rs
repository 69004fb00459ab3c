//! How many events of a function are attempted at a time: slower after each refusal, faster after each that ran (A-03: "long queues
//! slow polling further").

use std::time::Duration;

/// Attempts at a time to begin with.
const WIDTH_START: u32 = 8;
/// The wait after a first refusal; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How an attempt went, as far as the pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// There was room.
    Ran,
    /// There was none.
    Refused,
}

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Pace {
    width: u32,
    refusals: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { width: WIDTH_START, refusals: 0 }
    }
}

impl Pace {
    /// Attempts at a time.
    pub(super) fn width(&self) -> u32 {
        self.width
    }

    /// Takes in how an attempt went, while `running` others still run; how long to wait before the next, if at all.
    pub(super) fn learn(&mut self, went: Went, running: u32) -> Option<Duration> {
        match went {
            Went::Ran => {
                self.refusals = 0;
                self.width = self.width.saturating_add(1);
                None
            }
            Went::Refused => {
                let pause = PAUSE_MIN.saturating_mul(1 << self.refusals.min(16)).min(PAUSE_MAX);
                self.refusals = self.refusals.saturating_add(1);
                self.width = (self.width / 2).min(running).max(1);
                Some(pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_widens_while_there_is_room_and_halves_when_there_is_none() {
        let mut pace = Pace::default();
        for _ in 0..92 {
            assert_eq!(pace.learn(Went::Ran, 0), None);
        }
        assert_eq!(pace.width(), 100);
        assert_eq!(pace.learn(Went::Refused, 80), Some(PAUSE_MIN));
        assert_eq!(pace.width(), 50);
        assert_eq!(pace.learn(Went::Refused, 10), Some(PAUSE_MIN * 2));
        assert_eq!(pace.width(), 10, "more than run now there cannot be room for");
        for _ in 0..40 {
            pace.learn(Went::Refused, 0);
        }
        assert_eq!((pace.width(), pace.learn(Went::Refused, 0)), (1, Some(PAUSE_MAX)));
        pace.learn(Went::Ran, 0);
        assert_eq!(pace.learn(Went::Refused, 1), Some(PAUSE_MIN));
    }
}
