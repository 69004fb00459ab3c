//! Rules that hold for every Rust file: it parses, it says what it is for, `unsafe` has one home, and no
//! unfinished work is left in it.

use super::tokens;
use super::violation::Violation;
use super::workspace::RustFile;

/// The only file that may talk to the kernel without the compiler's help.
const UNSAFE_HOME: &str = "crates/sandbox/src/syscalls.rs";
/// The same of the program that has no library.
const UNSAFE_HOME_OF_PROGRAM: &str = "crates/sandbox/programs/waiting/syscalls.rs";

/// Everything that is wrong with one file.
pub(crate) fn check(file: &RustFile) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(parses(file));
    found.extend(says_what_it_is_for(file));
    found.extend(unsafe_has_one_home(file));
    found.extend(nothing_is_unfinished(file));
    found
}

fn parses(file: &RustFile) -> Option<Violation> {
    file.syntax.is_none().then(|| {
        Violation::of(
            &file.path,
            "is not valid Rust",
            "every other rule reads the syntax tree",
            "run `cargo check` and mend what it reports",
        )
    })
}

fn says_what_it_is_for(file: &RustFile) -> Option<Violation> {
    let syntax = file.syntax.as_ref()?;
    let documented = syntax.attrs.iter().any(|attribute| {
        matches!(attribute.style, syn::AttrStyle::Inner(_)) && attribute.path().is_ident("doc")
    });
    (!documented).then(|| {
        Violation::of(
            &file.path,
            "has no module documentation",
            "a reader should learn what a file is for before reading its code",
            "begin the file with `//!` lines: what the room is for, what it leaves to others",
        )
    })
}

fn unsafe_has_one_home(file: &RustFile) -> Vec<Violation> {
    if [UNSAFE_HOME, UNSAFE_HOME_OF_PROGRAM].contains(&file.path.as_str()) {
        return Vec::new();
    }
    tokens::paths(&file.tokens)
        .into_iter()
        .filter(|named| named.path == "unsafe" || named.path == "unsafe_code")
        .map(|named| {
            Violation::at(
                &file.path,
                named.line,
                format!("uses `{}`", named.path),
                "every unsafe block of the project is reviewed in one place",
                format!(
                    "use the safe wrappers of rustix or nix, or put a small safe function into {UNSAFE_HOME}"
                ),
            )
        })
        .collect()
}

fn nothing_is_unfinished(file: &RustFile) -> Vec<Violation> {
    let mut found = Vec::new();
    for name in ["todo", "unimplemented", "dbg"] {
        found.extend(tokens::macro_calls(&file.tokens, name).into_iter().map(|line| {
            Violation::at(
                &file.path,
                line,
                format!("calls `{name}!`"),
                "what is committed is finished; what is not built answers NotImplemented",
                "finish it, or return an error that says what is missing",
            )
        }));
    }
    found.extend(tokens::attributes(&file.tokens, "ignore").into_iter().map(|line| {
        Violation::at(
            &file.path,
            line,
            "ignores a test",
            "an ignored test looks like a promise that is kept",
            "mend the test, or delete it and say `test pending` in SPECIFICATION.md",
        )
    }));
    found
}

#[cfg(test)]
mod tests;
