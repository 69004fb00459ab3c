//! Each statement on how Lambda behaves has a test that is named after it, or a line in SPECIFICATION.md that says why not.
//!
//! A test's name begins with the numbers of its statements: `r_03_r_06_...`, `test_l_09_...`. Statements are those of
//! `lambda-semantics.md` that belong to execution environments: B.1 to B.7, B.10, B.20, B.23 and B.24. Lines of the specification
//! have the form `- Statement L-04: why there is no test yet`.

use std::collections::BTreeSet;

use super::violation::Violation;
use super::workspace::{TextFile, Workspace};

const SPECIFICATION: &str = "SPECIFICATION.md";
const WHY: &str = "what no test holds, Lambda's users find out about first";

/// The letters of the sections, and how many statements each has.
const SECTIONS: &[(char, u8)] = &[
    ('l', 20),
    ('r', 15),
    ('x', 9),
    ('t', 5),
    ('e', 17),
    ('g', 7),
    ('p', 7),
    ('c', 8),
    ('n', 7),
    ('o', 4),
    ('z', 2),
    ('a', 13),
    ('f', 5),
    ('q', 13),
];

/// A letter and a number.
type Statement = (char, u8);

/// Statements without a test and without a reason, and reasons for what has a test.
pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    let Some(specification) = workspace.text(SPECIFICATION) else { return Vec::new() };
    let tested: BTreeSet<Statement> = workspace.texts.iter().flat_map(tested_in).collect();
    let excused: BTreeSet<Statement> = specification.lines().filter_map(excused_by).collect();
    let every = SECTIONS.iter().flat_map(|(letter, count)| (1..=*count).map(|number| (*letter, number)));
    let held = |statement: &Statement| tested.contains(statement) || excused.contains(statement);
    let missing = every.filter(|statement| !held(statement)).map(|statement| {
        let what = format!("no test is named after statement {}", written(statement));
        violation(what, "name a test after it, or say `- Statement X-00: why` in SPECIFICATION.md")
    });
    let stale = excused.intersection(&tested).map(|statement| {
        let what = format!("statement {} has a test and a reason for having none", written(*statement));
        violation(what, "delete the line that begins with `- Statement`")
    });
    missing.chain(stale).collect()
}

fn violation(what: String, mend: &str) -> Violation {
    Violation::at(SPECIFICATION, 1, what, WHY, mend)
}

fn written((letter, number): Statement) -> String {
    format!("{}-{number:02}", letter.to_ascii_uppercase())
}

/// The statements that tests of a file are named after.
fn tested_in(file: &TextFile) -> Vec<Statement> {
    let is_tests = ["rs", "py"].iter().any(|ending| file.path.ends_with(&format!(".{ending}")));
    if !is_tests {
        return Vec::new();
    }
    file.text.lines().filter_map(function_name).flat_map(numbers_of).collect()
}

/// What stands between `fn` or `def` and the parenthesis, without Python's `test_`.
fn function_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def test_"))?;
    rest.split('(').next()
}

/// The pairs of a letter and two digits that a name begins with.
fn numbers_of(name: &str) -> Vec<Statement> {
    let parts: Vec<&str> = name.split('_').collect();
    let pairs = parts.chunks_exact(2).map(|pair| {
        let letter = pair[0].chars().next().filter(|_| pair[0].len() == 1)?;
        let number = pair[1].parse().ok().filter(|_| pair[1].len() == 2)?;
        Some((letter, number))
    });
    pairs.map_while(|pair| pair).collect()
}

/// The statement of a line `- Statement X-00: why`.
fn excused_by(line: &str) -> Option<Statement> {
    let (number, why) = line.strip_prefix("- Statement ")?.split_once(": ")?;
    let (letter, number) = number.split_once('-')?;
    let letter = letter.chars().next()?.to_ascii_lowercase();
    (!why.trim().is_empty()).then_some(())?;
    Some((letter, number.parse().ok()?))
}

#[cfg(test)]
mod tests;
