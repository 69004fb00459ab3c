//! The ratchet: what is too long today may stay as it is or shrink, never grow, and nothing joins it.

use std::collections::BTreeMap;

use super::lengths::Length;
use super::violation::Violation;

const FILE: &str = "xtask/tidy-exceptions.txt";
const WHY_SHORT: &str =
    "a file holds one idea and a function tells one story; both end before the reader tires";
const WHY_RATCHET: &str = "the list of exceptions can only shrink";

/// Holds measured lengths against the limits and the exceptions (lines of `measure place lines`, `#` for
/// comments).
pub(crate) fn check(lengths: &[Length], exceptions: &str) -> Vec<Violation> {
    let (mut allowed, mut found) = parse(exceptions);
    for length in lengths {
        let key = (length.measure.word().to_owned(), length.place.clone());
        let too_long = length.lines > length.measure.max();
        match (too_long, allowed.remove(&key)) {
            (false, None) => {}
            (true, None) => found.push(too_long_and_new(length)),
            (false, Some(_)) => found.push(no_longer_needed(&key.0, &length.place)),
            (true, Some(number)) if number == length.lines => {}
            (true, Some(number)) => found.push(number_differs(length, number)),
        }
    }
    found.extend(allowed.keys().map(|(measure, place)| no_longer_needed(measure, place)));
    found
}

/// Exceptions by measure and place, and a violation for every line that is not one.
fn parse(exceptions: &str) -> (BTreeMap<(String, String), usize>, Vec<Violation>) {
    let mut allowed = BTreeMap::new();
    let mut found = Vec::new();
    for (index, line) in exceptions.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [measure, place, lines] if lines.parse::<usize>().is_ok() => {
                let number = lines.parse().unwrap_or_default();
                allowed.insert(((*measure).to_owned(), (*place).to_owned()), number);
            }
            _ => found.push(Violation::at(
                FILE,
                index + 1,
                "is not an exception",
                WHY_RATCHET,
                "write `file-lines PATH NUMBER` or `function-lines PATH::NAME NUMBER`",
            )),
        }
    }
    (allowed, found)
}

fn too_long_and_new(length: &Length) -> Violation {
    Violation::of(
        &length.place,
        format!("has {} lines; {} are allowed", length.lines, length.measure.max()),
        WHY_SHORT,
        "split it where a second idea begins",
    )
}

fn no_longer_needed(measure: &str, place: &str) -> Violation {
    Violation::of(
        place,
        format!("needs no `{measure}` exception any more"),
        WHY_RATCHET,
        format!("delete its line from {FILE}"),
    )
}

fn number_differs(length: &Length, number: usize) -> Violation {
    let (what, mend) = if length.lines > number {
        ("grew", "bring it back, or better, below the limit".to_owned())
    } else {
        ("shrank", format!("write {} into {FILE}", length.lines))
    };
    Violation::of(&length.place, format!("{what} from {number} to {} lines", length.lines), WHY_RATCHET, mend)
}

#[cfg(test)]
mod tests;
