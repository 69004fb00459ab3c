//! No file names a place on the machine it was written on.

use super::violation::Violation;
use super::workspace::TextFile;

/// Beginnings of such paths, in two halves so that this file does not hold them itself.
const BEGINNINGS: &[(&str, &str)] =
    &[("/wo", "rk/"), ("/tmp/ba", "sh_jobs"), ("/roo", "t/.pyenv/"), ("/roo", "t/.nvm/")];

/// Lines of a text file that name a path of somebody's machine.
pub(crate) fn check(file: &TextFile) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (first, second) in BEGINNINGS {
            if names(line, &format!("{first}{second}")) {
                found.push(Violation::at(
                    &file.path,
                    index + 1,
                    format!("names `{first}{second}...`"),
                    "the checkout must work wherever it lies",
                    "use a path relative to the checkout, or a temporary directory",
                ));
            }
        }
    }
    found
}

/// Whether `line` holds `beginning` as the start of an absolute path.
fn names(line: &str, beginning: &str) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}/~".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(text: &str) -> usize {
        check(&TextFile { path: "a.md".into(), text: text.into() }).len()
    }

    #[test]
    fn paths_of_the_machine_are_found() {
        let path = ["/wo", "rk/main/x"].concat();
        assert_eq!(lines_found(&format!("see {path} there\n{path}")), 2);
    }

    #[test]
    fn paths_inside_other_paths_are_not() {
        assert_eq!(lines_found(&["overlay/wo", "rk/x and ~/wo", "rk/y"].concat()), 0);
    }
}
