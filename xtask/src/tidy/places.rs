//! Things that belong into one place: reading environment variables, and printing.
//!
//! Test code may do both where it wants: files called `tests.rs`, folders called `tests`, and what stands below
//! the first `#[cfg(test)]` of a file. So must build scripts: it is how they talk with cargo.

use super::tokens;
use super::violation::Violation;
use super::workspace::RustFile;

/// Something that only some files do.
struct Place {
    /// Paths and macros that do it.
    paths: &'static [&'static str],
    macros: &'static [&'static str],
    /// Files and folders where it belongs.
    belongs: &'static [&'static str],
    why: &'static str,
    mend: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        paths: &[
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "env::var",
            "env::var_os",
        ],
        macros: &[],
        // Interpreters are found where the user's PATH and version managers say they are.
        belongs: &["crates/server/src/command_line/", "crates/execution/src/runtimes"],
        why: "configuration is read once and passed down",
        mend: "make it an argument of the command line and pass its value",
    },
    Place {
        paths: &[],
        macros: &["print", "println", "eprint", "eprintln"],
        // The spawner is a process of its own, and standard error is all it has.
        belongs: &["crates/server/src/command_line/", "crates/sandbox/src/spawner.rs"],
        why: "standard output belongs to commands, and what a server has to say goes to its log",
        mend: "return the text, or log it with tracing where it is handled",
    },
];

/// What one file of the product does that belongs elsewhere.
pub(crate) fn check(file: &RustFile) -> Vec<Violation> {
    let is_build_script = file.path.ends_with("/build.rs");
    if !file.path.starts_with("crates/") || is_test_file(&file.path) || is_build_script {
        return Vec::new();
    }
    let tests_from = file.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for place in PLACES.iter().filter(|place| !place.belongs.iter().any(|home| file.path.starts_with(home))) {
        for (what, line) in uses(file, place) {
            if line <= tests_from {
                found.push(Violation::at(&file.path, line, format!("uses `{what}`"), place.why, place.mend));
            }
        }
    }
    found
}

fn uses(file: &RustFile, place: &Place) -> Vec<(String, usize)> {
    let named = tokens::paths(&file.tokens).into_iter();
    let named = named.filter(|named| place.paths.contains(&named.path.as_str()));
    let mut found: Vec<(String, usize)> = named.map(|named| (named.path, named.line)).collect();
    for name in place.macros {
        let lines = tokens::macro_calls(&file.tokens, name).into_iter();
        found.extend(lines.map(|line| (format!("{name}!"), line)));
    }
    found
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests" || part == "examples")
}

#[cfg(test)]
mod tests;
