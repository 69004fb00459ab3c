//! `docs/performance.md`: what was measured last of each part, where, and beside what.

use std::fs;
use std::process::Command;

use super::Part;
use super::facts::{self, Fact};
use super::report::{self, Row};
use super::runtimes;
use super::targets;
use crate::failure::Failure;
use crate::shell;

const PATH: &str = "docs/performance.md";
const INTRODUCTION: &str = "# Performance

What `cargo xtask bench` measured: the release build and what it is held against, one after another in the same minutes. A ratio is our time
through that of the floor: above 1 is what we lose. Times are microseconds, in p50 and p99; rates are what all callers got a second; cpu ms is
the machine's processor time for each call, the load's with it, where it was taken. Each part says where and when it was measured; a part is
measured anew by its flag.
";

/// Writes what was measured into its part of the page, and leaves the others as they are.
///
/// # Errors
/// When the page cannot be written.
pub(super) fn write(part: Part, rows: &[Row], facts: &[Fact]) -> Result<(), Failure> {
    let path = shell::repository_root().join(PATH);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let (table, verdicts) = (report::to_markdown(rows), targets::verdicts(rows));
    let facts = facts::to_markdown(facts);
    let section = format!("{}\n\n{}\n\n{table}{verdicts}{facts}", part.about(), machine());
    fs::write(&path, with_section(&before, part.title(), &section)).map_err(|e| Failure::during(PATH, e))
}

/// The page with a section of that title in the place of the one that it has, or at its end.
fn with_section(page: &str, title: &str, section: &str) -> String {
    let mut all = Vec::new();
    let mut is_there = false;
    for one in page.split("\n## ").skip(1) {
        let is_this = one.lines().next() == Some(title);
        is_there |= is_this;
        all.push(if is_this { format!("{title}\n\n{section}") } else { one.to_owned() });
    }
    if !is_there {
        all.push(format!("{title}\n\n{section}"));
    }
    let sections: Vec<_> = all.iter().map(|one| format!("\n## {}\n", one.trim_end())).collect();
    format!("{INTRODUCTION}{}", sections.concat())
}

/// The machine and the versions, in a line.
fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<_> = processor.lines().filter(|line| line.starts_with("model name")).collect();
    let name = names.first().and_then(|line| line.split_once(": ")).map_or("processors", |(_, name)| name);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let kernel = said("uname", &["-r"]).unwrap_or_default();
    let kernel: Vec<_> = kernel.split('.').take(2).collect();
    let kernel = kernel.join(".");
    let node = runtimes::node_program(&shell::target_directory().join("bench"));
    let node = node.to_string_lossy();
    let versions = [
        ("git", &["describe", "--always"][..]),
        ("rustc", &["--version"]),
        ("python3", &["--version"]),
        (&*node, &["--version"]),
        ("nginx", &["-v"]),
    ];
    let versions: Vec<_> = versions
        .into_iter()
        .filter_map(|(program, arguments)| {
            let version = said(program, arguments)?;
            Some(match program {
                "git" => format!("commit {version}"),
                program if program == node => format!("Node.js {version}"),
                "nginx" => version.trim_start_matches("nginx version: ").to_owned(),
                _ => version,
            })
        })
        .collect();
    let today = said("date", &["+%Y-%m-%d"]).unwrap_or_default();
    format!("{today}, {} x {name}, {memory} GB, Linux {kernel}; {}.", names.len(), versions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_others_stay() {
        let page = with_section(&with_section("", "One", "1"), "Two", "2");
        assert_eq!(page, format!("{INTRODUCTION}\n## One\n\n1\n\n## Two\n\n2\n"));
        assert_eq!(with_section(&page, "One", "new"), page.replace("\n1\n", "\nnew\n"));
        assert_eq!(with_section(&page, "Two", "2"), page);
    }
}
