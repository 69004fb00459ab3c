//! What is ready of one kind, what comes back to it, and who waits for that.
//!
//! ```text
//! ready ──take──► whoever asks                 none is ready, more come back than are waited for ──► wait
//!   ▲                                             none comes back ──► build one
//!   └──put── nobody waits ◄── comes back ── somebody waits ──► the one who has waited longest
//!                                  └── is of no use: who came last waits for nothing, and builds one
//! ```
//! What comes back counts as if it were there: whoever builds one more meanwhile takes its processor, and one of the two is destroyed.

use std::collections::VecDeque;

use lambda_model::{environment::Demand, limits};
use tokio::sync::oneshot;

/// See the module's doc.
pub(super) struct Shelf<T> {
    pub(super) demand: Demand,
    pub(super) ready: Vec<T>,
    coming: usize,
    waiting: VecDeque<oneshot::Sender<T>>,
}

/// What a shelf has for whoever asks.
pub(super) enum Found<T> {
    Ready(T),
    /// One that comes back; an error when it does not after all.
    Coming(oneshot::Receiver<T>),
    Nothing,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { demand: Demand::default(), ready: Vec::new(), coming: 0, waiting: VecDeque::new() }
    }
}

impl<T> Shelf<T> {
    /// How many there should be in this second.
    pub(super) fn wanted(&mut self, second: u64) -> usize {
        match self.demand.wanted(second, limits::PREPARED_SANDBOXES_OF_A_KIND) {
            0 => 0,
            busiest => busiest + 1,
        }
    }

    /// How many there are, with those that come back and that nobody waits for.
    pub(super) fn stock(&self) -> usize {
        self.ready.len() + self.coming.saturating_sub(self.waiting.len())
    }

    pub(super) fn take(&mut self) -> Found<T> {
        if let Some(ready) = self.ready.pop() {
            return Found::Ready(ready);
        }
        self.forget_who_left();
        if self.waiting.len() >= self.coming {
            return Found::Nothing;
        }
        let (waiting, coming) = oneshot::channel();
        self.waiting.push_back(waiting);
        Found::Coming(coming)
    }

    pub(super) fn put(&mut self, mut one: T) {
        while let Some(waiting) = self.waiting.pop_front() {
            match waiting.send(one) {
                Ok(()) => return,
                Err(unwanted) => one = unwanted,
            }
        }
        self.ready.push(one);
    }

    /// One is on its way back, until [`Shelf::arrived`].
    pub(super) fn comes(&mut self) {
        self.coming += 1;
    }

    /// It was put, or will not be.
    pub(super) fn arrived(&mut self) {
        self.coming = self.coming.saturating_sub(1);
        self.forget_who_left();
        self.waiting.truncate(self.coming);
    }

    /// Who was cancelled, or has waited for long enough, waits no longer.
    fn forget_who_left(&mut self) {
        self.waiting.retain(|waiting| !waiting.is_closed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(shelf: &mut Shelf<u32>) -> oneshot::Receiver<u32> {
        match shelf.take() {
            Found::Coming(coming) => coming,
            _ => panic!("nothing comes"),
        }
    }

    #[test]
    fn what_comes_back_goes_to_who_waits_longest() {
        let mut shelf = Shelf::default();
        assert!(matches!(shelf.take(), Found::Nothing));
        shelf.comes();
        shelf.comes();
        let (mut first, mut second) = (waits(&mut shelf), waits(&mut shelf));
        assert!(matches!(shelf.take(), Found::Nothing), "as many wait as come");
        shelf.put(1);
        shelf.arrived();
        assert_eq!((first.try_recv(), second.try_recv().is_err()), (Ok(1), true));
        shelf.put(2);
        shelf.arrived();
        assert_eq!(second.try_recv(), Ok(2));
    }

    #[test]
    fn who_came_last_hears_that_one_does_not_come() {
        let mut shelf = Shelf::default();
        shelf.comes();
        shelf.comes();
        let (mut first, mut second) = (waits(&mut shelf), waits(&mut shelf));
        shelf.arrived();
        assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(first.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }

    #[test]
    fn who_went_away_gets_nothing_and_keeps_nobody_waiting() {
        let mut shelf = Shelf::default();
        shelf.comes();
        drop(waits(&mut shelf));
        let mut there = waits(&mut shelf);
        shelf.put(1);
        assert_eq!(there.try_recv(), Ok(1));
        shelf.comes();
        drop(waits(&mut shelf));
        shelf.put(2);
        assert!(matches!(shelf.take(), Found::Ready(2)));
    }

    #[test]
    fn who_went_away_does_not_stand_before_who_is_there() {
        let mut shelf = Shelf::default();
        shelf.comes();
        shelf.comes();
        let left = waits(&mut shelf);
        let mut there = waits(&mut shelf);
        drop(left);
        shelf.arrived();
        shelf.put(1);
        assert_eq!(there.try_recv(), Ok(1), "one still comes");
    }

    #[test]
    fn what_comes_back_is_in_stock_unless_somebody_waits_for_it() {
        let mut shelf = Shelf::default();
        shelf.put(1);
        shelf.comes();
        assert_eq!(shelf.stock(), 2);
        assert!(matches!(shelf.take(), Found::Ready(1)));
        let _waiting = waits(&mut shelf);
        assert_eq!(shelf.stock(), 0);
    }
}
