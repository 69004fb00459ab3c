//! What the rows are to come to: the goals G1 to G10 as far as rows tell, and the bounds that CI holds the debug build to.
//!
//! A goal is a ratio of one row, or a time where the goal is one. The bounds of CI are in `tests/bench-bounds.txt`, a row and the highest
//! ratio of its p50 on each line: ratios of the debug build, with room for a machine that does other things.

use std::fs;

use super::report::Row;
use crate::failure::Failure;
use crate::shell;

const BOUNDS: &str = "tests/bench-bounds.txt";

/// What of a row counts.
#[derive(Clone, Copy)]
enum Figure {
    /// Our p50 through the floor's.
    P50,
    /// The same of p99.
    P99,
    /// Our p50, microseconds.
    P50Micros,
    /// Our p99, microseconds.
    P99Micros,
    /// Our rate through the floor's; more is better.
    Rate,
}

impl Figure {
    fn of(self, row: &Row) -> f64 {
        match self {
            Self::P50 => row.ratio(50),
            Self::P99 => row.ratio(99),
            Self::P50Micros => row.lambent.percentile(50) as f64,
            Self::P99Micros => row.lambent.percentile(99) as f64,
            Self::Rate => row.lambent.per_second() / row.floor.per_second().max(f64::EPSILON),
        }
    }

    fn holds(self, value: f64, goal: f64) -> bool {
        if matches!(self, Self::Rate) { value >= goal } else { value <= goal }
    }

    fn words(self) -> &'static str {
        match self {
            Self::P50 => "p50, at most",
            Self::P99 => "p99, at most",
            Self::P50Micros => "p50 in us, at most",
            Self::P99Micros => "p99 in us, at most",
            Self::Rate => "rate, at least",
        }
    }
}

/// Number, row, figure, goal.
const GOALS: &[(&str, &str, Figure, f64)] = &[
    ("G1", "warm native, 1 callers, 1 KB : bare", Figure::P50, 1.3),
    ("G1", "warm native, 1 callers, 1 KB : AWS's emulator", Figure::P50, 0.40),
    ("G2", "warm python, 1 callers, 1 KB : bare", Figure::P50, 1.15),
    ("G2", "warm python, 1 callers, 1 KB : AWS's emulator", Figure::P50, 0.5),
    ("G2", "warm python, 1 callers, 1 KB : AWS's emulator", Figure::P99, 0.25),
    ("G2", "warm node, 1 callers, 1 KB : bare", Figure::P50, 1.15),
    ("G2", "warm node, 1 callers, 1 KB : AWS's emulator", Figure::P50, 0.5),
    ("G2", "warm node, 1 callers, 1 KB : AWS's emulator", Figure::P99, 0.25),
    // With as many environments as callers: of sixteen callers of four, twelve are throttled here. The peer of G3 is not among the rows.
    ("G3", "warm native, 16 callers, 1 KB : bare", Figure::Rate, 0.85),
    ("G3", "warm python, 16 callers, 1 KB : bare", Figure::Rate, 0.95),
    ("G3", "warm node, 16 callers, 1 KB : bare", Figure::Rate, 0.95),
    // 0.7 of its speed.
    ("G4", "warm node, 1 callers, 1 KB : plain server", Figure::P50, 1.0 / 0.7),
    ("G5", "cold native : bare", Figure::P50, 1.3),
    ("G5", "cold native : bare", Figure::P99Micros, 5_000.0),
    ("G5", "cold native : runc", Figure::P50, 1.0 / 15.0),
    ("G6", "cold python : bare", Figure::P50, 1.0 / 15.0),
    ("G6", "cold python : bare", Figure::P50Micros, 3_000.0),
    ("G7", "cold python, boto3 : bare", Figure::P50, 0.5),
    ("G7", "cold python, numpy and pandas : bare", Figure::P50, 0.5),
    ("G8", "cold node : bare", Figure::P50Micros, 6_000.0),
    ("G8", "cold node, AWS's SDK in a bundle : bare", Figure::P50, 0.2),
    ("G10", "starts native, with their ends : runc", Figure::Rate, 8.0),
    ("G10", "starts python, with their ends : runc", Figure::Rate, 4.0),
    ("G15", "cold python, 245 MB : 1 MB", Figure::P50, 1.15),
];

/// A table of the goals that the rows tell of.
pub(super) fn verdicts(rows: &[Row]) -> String {
    let lines: Vec<String> = GOALS
        .iter()
        .filter_map(|(number, name, figure, goal)| {
            let value = figure.of(rows.iter().find(|row| row.name == *name)?);
            let word = if figure.holds(value, *goal) { "met" } else { "not met" };
            Some(format!("| {number} | {name} | {} | {goal:.2} | {value:.2} | {word} |\n", figure.words()))
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n| goal | of | figure | bound | found | |\n|---|---|---|--:|--:|---|\n{}", lines.concat())
}

/// The rows that are beyond their bounds, in words.
///
/// # Errors
/// When the bounds cannot be read, or name a row that was not measured.
pub(super) fn beyond_bounds(rows: &[Row]) -> Result<Vec<String>, Failure> {
    let path = shell::repository_root().join(BOUNDS);
    let text = fs::read_to_string(&path).map_err(|e| Failure::during(BOUNDS, e))?;
    let mut beyond = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, bound) = parse(line).ok_or_else(|| Failure::during(BOUNDS, line))?;
        if !rows.iter().any(|row| runtime_of(&row.name) == runtime_of(name)) {
            println!("skipped: the bound of `{name}`, whose runtime is not on this machine");
            continue;
        }
        let row = rows.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| Failure::during(BOUNDS, format!("`{name}` was not measured")))?;
        let ratio = row.ratio(50);
        if ratio > bound {
            beyond.push(format!("{name}: {ratio:.2} times the floor, {bound:.2} are allowed"));
        }
    }
    Ok(beyond)
}

/// The second word of a row's name, such as `python`.
fn runtime_of(name: &str) -> Option<&str> {
    name.split([' ', ',']).nth(1)
}

/// `NAME = RATIO`.
fn parse(line: &str) -> Option<(&str, f64)> {
    let (name, bound) = line.rsplit_once('=')?;
    Some((name.trim(), bound.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_row_and_a_ratio() {
        assert_eq!(parse("cold native : bare = 9.5"), Some(("cold native : bare", 9.5)));
        assert_eq!(parse("cold native : bare"), None);
        assert_eq!(runtime_of("warm python, 1 callers, 1 KB : bare"), Some("python"));
    }
}
