//! Documents are held to the code: commands that they name exist, links lead somewhere, and every promise in
//! SPECIFICATION.md names a test that exists, or says that its test is pending.

use super::dependencies::Graph;
use super::violation::Violation;
use super::workspace::{TextFile, Workspace};
use crate::COMMANDS;

const SPECIFICATION: &str = "SPECIFICATION.md";
const WHY_TRUE: &str = "a document that names what does not exist costs its reader more than none";
const WHY_PROMISE: &str = "a promise without a test is a wish";

/// Everything in the Markdown files that the checkout does not bear out.
pub(crate) fn check(workspace: &Workspace, graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in workspace.texts.iter().filter(|file| file.path.ends_with(".md")) {
        found.extend(commands_exist(file, graph));
        found.extend(links_lead_somewhere(file, workspace));
    }
    if let Some(file) = workspace.texts.iter().find(|file| file.path == SPECIFICATION) {
        found.extend(promises_are_held(file, workspace));
    }
    found
}

/// `cargo xtask NAME` and `--bin NAME`.
fn commands_exist(file: &TextFile, graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for name in words_after(line, "cargo xtask ") {
            if !COMMANDS.iter().any(|command| command.name == name) {
                let what = format!("names the command `cargo xtask {name}`, which does not exist");
                found.push(Violation::at(
                    &file.path,
                    index + 1,
                    what,
                    WHY_TRUE,
                    "name one of xtask's commands",
                ));
            }
        }
        for name in words_after(line, "--bin ") {
            if !graph.members.iter().any(|member| member.binaries.contains(&name)) {
                let what = format!("names the binary `{name}`, which does not exist");
                found.push(Violation::at(
                    &file.path,
                    index + 1,
                    what,
                    WHY_TRUE,
                    "name a binary of the workspace",
                ));
            }
        }
    }
    found
}

/// The lower-case word behind each place where `before` stands in `line`.
fn words_after(line: &str, before: &str) -> Vec<String> {
    let starts = line.match_indices(before).map(|(at, _)| &line[at + before.len()..]);
    let word = |text: &str| -> String {
        text.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect()
    };
    starts.map(word).filter(|word| !word.is_empty()).collect()
}

/// Relative links: `[text](path)` and `[text](path#heading)`.
fn links_lead_somewhere(file: &TextFile, workspace: &Workspace) -> Vec<Violation> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for target in link_targets(line) {
            let path = joined(folder, target);
            let below = format!("{path}/");
            if !workspace.texts.iter().any(|other| other.path == path || other.path.starts_with(&below)) {
                found.push(Violation::at(
                    &file.path,
                    index + 1,
                    format!("links to `{target}`, which does not exist"),
                    WHY_TRUE,
                    "mend the link",
                ));
            }
        }
    }
    found
}

fn link_targets(line: &str) -> Vec<&str> {
    let starts = line.match_indices("](").map(|(at, _)| &line[at + 2..]);
    let inside = starts.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let path = inside.map(|target| target.split('#').next().unwrap_or_default());
    path.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// `folder` and a relative path, with `.` and `..` resolved.
fn joined(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Promises are list items `- **P-01** text`, ended by the next item or an empty line. Each holds
/// `` `path::test` `` at least once, or the words `test pending`.
fn promises_are_held(file: &TextFile, workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for (line, text) in promises(&file.text) {
        let number = text.split("**").nth(1).unwrap_or_default().to_owned();
        if seen.contains(&number) {
            found.push(promise(
                line,
                format!("promise {number} is there twice"),
                "give it a number of its own",
            ));
        }
        let tests = tests_named(&text);
        if tests.is_empty() && !text.contains("test pending") {
            found.push(promise(
                line,
                format!("promise {number} names no test"),
                "name it as `path::test`, or say `test pending`",
            ));
        }
        for (path, test) in tests {
            if !test_exists(workspace, path, test) {
                found.push(promise(
                    line,
                    format!("promise {number} names `{path}::{test}`, which does not exist"),
                    "name the test that holds the promise, or say `test pending`",
                ));
            }
        }
        seen.push(number);
    }
    found
}

fn promise(line: usize, what: String, mend: &str) -> Violation {
    Violation::at(SPECIFICATION, line, what, WHY_PROMISE, mend)
}

/// Each promise with the line where it begins, its lines joined by blanks.
fn promises(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("- **") {
            found.push((index + 1, line.to_owned()));
            inside = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            inside = false;
        } else if let (true, Some((_, promise))) = (inside, found.last_mut()) {
            promise.push(' ');
            promise.push_str(line.trim());
        }
    }
    found
}

/// Tests named in backticks: a path with an ending, `::`, and the name of a function.
fn tests_named(promise: &str) -> Vec<(&str, &str)> {
    let quoted = promise.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|name| name.split_once("::"));
    named.filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".py")).collect()
}

fn test_exists(workspace: &Workspace, path: &str, test: &str) -> bool {
    let Some(text) = workspace.text(path) else { return false };
    ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{test}(")))
}

#[cfg(test)]
mod tests;
