//! The page: a summary per service, the operations with a handler one by one, the others by name.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Coverage, Covered};

const HEAD: &str = "\
# Coverage

How much of each service's API is there. Written by `cargo xtask coverage` from the API model, the dispatch in
`crates/server` and the table of tests in `tests/e2e/coverage.txt`; `cargo xtask check` fails when it is out of date.

*Implemented* is an operation with a handler; every other operation of the model answers `NotImplemented`. It
*counts* only with a test through boto3 that it works and, for each error that the model lists, a test or the reason
why this server cannot give it. An implemented operation may still refuse a setting or mode that is not built, with
`NotImplemented` and the name of what it is.

| service | operations | implemented | count |
|---|---|---|---|
";

/// The whole page.
pub(super) fn render(services: &[Coverage]) -> String {
    let mut page = HEAD.to_owned();
    for service in services {
        let [all, implemented, counted] = numbers(service);
        let _ = writeln!(page, "| {} | {all} | {implemented} | {counted} |", service.name);
    }
    for service in services {
        let _ = write!(page, "\n## {}\n\n", service.name);
        page.push_str("| operation | counts | works | errors tested | cannot come here | no test |\n");
        page.push_str("|---|---|---|---|---|---|\n");
        for covered in service.operations.iter().filter(|covered| covered.has_handler) {
            page.push_str(&row(covered));
        }
        page.push_str(&reasons(service));
        page.push_str(&without_handler(service));
    }
    page
}

/// One line for the terminal.
pub(super) fn summary(service: &Coverage) -> String {
    let [all, implemented, counted] = numbers(service);
    format!("{}: {counted} of {all} operations count, {implemented} are implemented", service.name)
}

fn numbers(service: &Coverage) -> [usize; 3] {
    let count = |wanted: fn(&Covered) -> bool| service.operations.iter().filter(|one| wanted(one)).count();
    [service.operations.len(), count(|covered| covered.has_handler), count(Covered::counts)]
}

fn row(covered: &Covered) -> String {
    let word = |yes: bool| if yes { "yes" } else { "no" };
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        covered.operation.name,
        word(covered.counts()),
        word(covered.success.is_some()),
        covered.tested.join(", "),
        covered.cannot.len(),
        covered.missing.join(", "),
    )
}

/// Why errors cannot come: each reason with its errors.
fn reasons(service: &Coverage) -> String {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for covered in &service.operations {
        for (error, reason) in &covered.cannot {
            let errors = found.entry(reason).or_default();
            if !errors.contains(&error.as_str()) {
                errors.push(error);
            }
        }
    }
    let mut text = String::from("\nErrors of the model that cannot come here, by reason:\n\n");
    for (reason, mut errors) in found {
        errors.sort_unstable();
        let _ = writeln!(text, "- {reason}: {}", errors.join(", "));
    }
    text
}

fn without_handler(service: &Coverage) -> String {
    let names: Vec<&str> = service
        .operations
        .iter()
        .filter(|covered| !covered.has_handler)
        .map(|covered| covered.operation.name.as_str())
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("\nWithout a handler ({}):\n\n{}\n", names.len(), names.join(", "))
}
