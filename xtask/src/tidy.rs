//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy can check, as a program.
//!
//! Every rule is a function from a part of the workspace to violations; each violation says what is wrong,
//! where, why we care and how to mend it. Lengths are a ratchet: `xtask/tidy-exceptions.txt` lists what is
//! still too long with its present number, and an entry may only shrink or go.

mod dependencies;
mod documents;
mod lengths;
mod machine_paths;
mod places;
mod ratchet;
mod source_rules;
mod statements;
mod tokens;
mod violation;
mod walls;
mod workspace;

use std::path::Path;

use crate::failure::Failure;
use crate::shell;
use violation::Violation;
use workspace::Workspace;

/// Checks the whole checkout and prints what does not hold.
///
/// # Errors
/// When a rule does not hold, or the checkout cannot be read.
pub(crate) fn run(_arguments: &[String]) -> Result<(), Failure> {
    let violations = violations(&shell::repository_root())?;
    for violation in &violations {
        println!("{violation}\n");
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 rule does not hold")),
        count => Err(Failure::new(format!("{count} rules do not hold"))),
    }
}

/// Everything in the checkout below `root` that breaks a rule, in the order of the rules.
fn violations(root: &Path) -> Result<Vec<Violation>, Failure> {
    let workspace = Workspace::read(root)?;
    let graph = dependencies::Graph::of_checkout(root)?;
    let exceptions = workspace.text("xtask/tidy-exceptions.txt").unwrap_or_default();

    let mut found = dependencies::check(&graph);
    for file in &workspace.rust {
        found.extend(source_rules::check(file));
        found.extend(walls::check(file));
        found.extend(places::check(file));
    }
    found.extend(ratchet::check(&lengths::measure(&workspace), exceptions));
    for file in &workspace.texts {
        found.extend(machine_paths::check(file));
    }
    found.extend(documents::check(&workspace, &graph));
    found.extend(statements::check(&workspace));
    Ok(found)
}

#[cfg(test)]
mod tests;
