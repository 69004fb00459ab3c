//! Sequence numbers: places of a shard as the API shows them, 56 digits, which no two shards of a stream have in common.

/// What all begin with.
const START: &str = "49";
/// Digits of the place, behind zeros.
const PLACE_DIGITS: usize = 42;
/// Digits of the shard.
const SHARD_DIGITS: usize = 12;

/// The number of a place.
pub(super) fn shown(place: u64, shard: u32) -> String {
    format!("{START}{place:0PLACE_DIGITS$}{shard:0SHARD_DIGITS$}")
}

/// The place of a number of a shard; `None` for what is none of its.
pub(super) fn place_of(number: &str, shard: u32) -> Option<u64> {
    let rest = number.strip_prefix(START)?;
    if rest.len() != PLACE_DIGITS + SHARD_DIGITS || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (place, of_shard) = rest.split_at(PLACE_DIGITS);
    (of_shard.parse() == Ok(shard)).then(|| place.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_its_shard_and_in_the_order_of_places() {
        let number = shown(u64::MAX, 7);
        assert_eq!((number.len(), place_of(&number, 7), place_of(&number, 8)), (56, Some(u64::MAX), None));
        assert!(shown(9, 3) < shown(10, 1));
        for wrong in ["", "0", "49", "x", &number[1..], &format!("{number}0")] {
            assert_eq!(place_of(wrong, 7), None, "{wrong}");
        }
    }
}
