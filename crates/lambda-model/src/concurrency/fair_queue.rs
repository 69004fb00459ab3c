//! A queue in which everybody gets a turn: who comes in thousands waits behind themselves, and not in front of the others.

use std::collections::{BTreeMap, VecDeque};

/// Items of several parties; each party's leave in the order in which they came, and parties take turns.
#[derive(Debug)]
pub struct FairQueue<P, T> {
    lanes: BTreeMap<P, VecDeque<T>>,
    /// Parties with a lane, in the order of their turns.
    turns: VecDeque<P>,
}

impl<P, T> Default for FairQueue<P, T> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), turns: VecDeque::new() }
    }
}

impl<P: Ord + Clone, T> FairQueue<P, T> {
    /// Stands behind what the party has here already.
    pub fn push(&mut self, party: P, item: T) {
        let lane = self.lanes.entry(party.clone()).or_default();
        if lane.is_empty() {
            self.turns.push_back(party);
        }
        lane.push_back(item);
    }

    /// The next item of the party whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let party = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&party)?;
        let item = lane.pop_front();
        if lane.is_empty() {
            self.lanes.remove(&party);
        } else {
            self.turns.push_back(party);
        }
        item
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_comes_in_thousands_keeps_nobody_else_waiting() {
        let mut queue = FairQueue::default();
        (0..1000).for_each(|number| queue.push("burst", number));
        queue.push("quiet", 1_000_000);
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order[..3], [0, 1_000_000, 1]);
        assert!(order[2..].is_sorted() && order.len() == 1001 && queue.is_empty());
    }

    #[test]
    fn a_party_that_comes_again_waits_for_its_turn() {
        let mut queue = FairQueue::default();
        queue.push("a", 1);
        queue.push("b", 2);
        assert_eq!(queue.pop(), Some(1));
        queue.push("a", 3);
        queue.push("b", 4);
        assert_eq!((queue.pop(), queue.pop(), queue.pop(), queue.pop()), (Some(2), Some(3), Some(4), None));
    }
}
