//! Lanes of a shard: records of the same key are in the same lane, also while their number is being changed.

use serde::{Deserialize, Serialize};

use super::Lane;

/// How a shard is divided, and whether it is over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// Lanes.
    pub lanes: u32,
    /// How it was divided before, and how far each lane of then was: those records are done.
    #[serde(default)]
    pub before: Vec<Vec<u64>>,
    /// Whether all of it is done, and no more comes.
    #[serde(default)]
    pub is_done: bool,
}

impl Division {
    /// Into so many, of which none was read.
    pub fn of(lanes: u32) -> Self {
        Self { lanes, before: Vec::new(), is_done: false }
    }

    /// Into so many from now on: what is done by the lanes of now stays done. The new lanes.
    pub fn divide(&mut self, lanes: u32, of_now: &[Lane]) -> Vec<Lane> {
        let reached = of_now.iter().map(|lane| lane.next);
        let next = reached.clone().min().unwrap_or(0);
        self.before.retain(|before| before.iter().any(|reached| *reached > next));
        self.before.push(reached.collect());
        self.lanes = lanes;
        (0..lanes).map(|_| Lane::at(next)).collect()
    }

    /// Whether a record is for that lane, and not done by one of before.
    pub fn is_for(&self, lane: u32, key: &[u8], place: u64) -> bool {
        let hash = hash(key);
        let is_done = |reached: &Vec<u64>| {
            let lane = usize::try_from(hash % reached.len().max(1) as u64).unwrap_or(0);
            reached.get(lane).is_some_and(|reached| place < *reached)
        };
        hash % u64::from(self.lanes.max(1)) == u64::from(lane) && !self.before.iter().any(is_done)
    }
}

/// FNV-1a, 64 bits, mixed: the same in every version, since it says where records of a key were.
fn hash(key: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, step);
    // The low bits of FNV depend on the low bits of the bytes only.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_01_each_key_has_one_lane_and_all_lanes_have_keys() {
        let division = Division::of(10);
        let mut keys_of = [0; 10];
        for number in 0..1_000 {
            let key = format!("key-{number}");
            let of_key: Vec<u32> = (0..10).filter(|lane| division.is_for(*lane, key.as_bytes(), 1)).collect();
            assert_eq!(of_key.len(), 1);
            keys_of[of_key[0] as usize] += 1;
        }
        assert!(keys_of.iter().all(|keys| *keys > 50), "{keys_of:?}");
    }

    #[test]
    fn what_is_done_stays_done_when_the_number_of_lanes_changes() {
        let mut division = Division::of(2);
        let lane_of = |division: &Division, key: &[u8]| {
            (0..division.lanes).find(|lane| division.is_for(*lane, key, 99))
        };
        let (slow, fast) = {
            let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
            let in_lane = |lane| keys.iter().find(|key| lane_of(&division, key.as_bytes()) == Some(lane));
            (in_lane(0).unwrap().clone(), in_lane(1).unwrap().clone())
        };
        let lanes = division.divide(3, &[Lane::at(10), Lane::at(50)]);
        assert_eq!(lanes, [Lane::at(10), Lane::at(10), Lane::at(10)]);
        let is_read = |key: &str, place| (0..3).any(|lane| division.is_for(lane, key.as_bytes(), place));
        assert!(is_read(&slow, 10) && is_read(&slow, 49) && !is_read(&slow, 9));
        assert!(!is_read(&fast, 10) && !is_read(&fast, 49) && is_read(&fast, 50));
        // What all have passed need not be known any more.
        division.divide(1, &[Lane::at(60), Lane::at(70), Lane::at(80)]);
        assert_eq!(division.before, [[60, 70, 80]]);
    }
}
