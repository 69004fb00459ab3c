//! Skipped tests are counted against a list, so that a suite cannot fall silent unnoticed.

/// The message for the first suite that skipped more than `allowed` says, if there is one.
///
/// `allowed` has lines of `SUITE NUMBER`, `#` for comments; a suite that is not listed may skip nothing.
pub(crate) fn too_many(skipped: &[(&'static str, usize)], allowed: &str) -> Option<String> {
    let limit = |suite: &str| {
        let lines = allowed.lines().map(str::split_whitespace).map(Iterator::collect::<Vec<_>>);
        let mut numbers = lines
            .filter(|words| words.first() == Some(&suite))
            .filter_map(|words| words.get(1)?.parse().ok());
        numbers.next().unwrap_or(0)
    };
    let over = skipped.iter().find(|(suite, count)| *count > limit(suite));
    over.map(|(suite, count)| {
        format!(
            "suite `{suite}` skipped {count} tests, tests/skips-allowed.txt allows {}; target/check/{suite}.log says why",
            limit(suite)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_may_be_skipped() {
        let allowed = "# why\nrust 2\n";
        assert_eq!(too_many(&[("rust", 2), ("e2e", 0)], allowed), None);
        assert!(too_many(&[("rust", 3)], allowed).is_some_and(|message| message.contains("skipped 3 tests")));
        assert!(too_many(&[("e2e", 1)], allowed).is_some());
    }
}
