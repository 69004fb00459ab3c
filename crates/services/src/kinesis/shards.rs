//! Shards: ranges of hashes that are split and merged. Pure.

use std::ops::RangeInclusive;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shard {
    /// Its number in the stream.
    pub number: u32,
    /// The shards that it goes on from: of a merged one the second is the adjacent one.
    pub parents: Vec<u32>,
    /// Its hashes.
    pub hashes: RangeInclusive<u128>,
    /// Where its records are.
    pub space: i64,
    /// The first place that it can have.
    pub first: u64,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// When it was closed, and its last place.
    pub closed: Option<Closed>,
}

/// The end of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closed {
    /// Unix time, milliseconds.
    pub at_ms: i64,
    /// Its last place.
    pub last: u64,
}

impl Shard {
    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// As the API names it.
    pub(super) fn id(&self) -> String {
        id_of(self.number)
    }
}

/// The name of a shard of a number.
pub(super) fn id_of(number: u32) -> String {
    format!("shardId-{number:012}")
}

/// The number that a name, or a number, stands for: AWS takes both.
pub(super) fn number_of(id: &str) -> Option<u32> {
    id.strip_prefix("shardId-").unwrap_or(id).parse().ok()
}

/// The hash of a partition key.
pub(super) fn hash_of(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
}

/// So many ranges of nearly the same size, which have all hashes.
pub(super) fn even_ranges(count: u32) -> Vec<RangeInclusive<u128>> {
    // Of 2^128 hashes, of which there is no number: the remainder goes to the last.
    let size = (u128::MAX / u128::from(count.max(1))).wrapping_add(u128::from(count.is_power_of_two()));
    let start = |index: u32| size.wrapping_mul(u128::from(index));
    (0..count)
        .map(|index| start(index)..=if index + 1 == count { u128::MAX } else { start(index + 1) - 1 })
        .collect()
}

/// The two neighbours that are smallest together: the index of the first, of ranges in their order.
pub(super) fn smallest_neighbours(ranges: &[RangeInclusive<u128>]) -> Option<usize> {
    let size = |pair: &[RangeInclusive<u128>]| pair[1].end() - pair[0].start();
    ranges.windows(2).enumerate().min_by_key(|(_, pair)| size(pair)).map(|(index, _)| index)
}

/// What the second half of a range begins with.
pub(super) fn middle(range: &RangeInclusive<u128>) -> u128 {
    range.start() + (range.end() - range.start()) / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_all_hashes() {
        for count in [1, 2, 3, 4, 5, 7, 64, 1_000] {
            let ranges = even_ranges(count);
            assert_eq!(
                (ranges.len() as u32, *ranges[0].start(), *ranges.last().unwrap().end()),
                (count, 0, u128::MAX)
            );
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].end() + 1, *pair[1].start());
            }
        }
        assert_eq!(*even_ranges(2)[1].start(), 1 << 127);
        assert_eq!(*even_ranges(1)[0].end(), u128::MAX);
    }

    #[test]
    fn ranges_are_halved_and_the_smallest_are_merged() {
        assert_eq!((middle(&(0..=u128::MAX)), middle(&(4..=5)), middle(&(4..=6))), (1 << 127, 5, 6));
        assert_eq!(smallest_neighbours(&[0..=9, 10..=14, 15..=16, 17..=30]), Some(1));
        assert_eq!(smallest_neighbours(&[0..=9]), None);
    }

    #[test]
    fn a_key_has_the_hash_that_aws_gives_it() {
        // MD5 of "a".
        assert_eq!(hash_of("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        assert_eq!(
            (number_of("shardId-000000000012"), number_of("12"), number_of("x")),
            (Some(12), Some(12), None)
        );
    }
}
