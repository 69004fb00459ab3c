//! The table of tests kept by hand: lines of `OPERATION success|ERROR FILE::TEST` or `OPERATION ERROR cannot REASON`.

use super::model::Operation;
use crate::failure::Failure;

/// Stands for every operation with a handler.
const EVERY: &str = "*";
const SUCCESS: &str = "success";

/// What holds an error of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A test, as `file::test`.
    Test(String),
    /// Nothing, because the error cannot come.
    Cannot(String),
}

/// One line.
struct Entry {
    line: usize,
    operation: String,
    what: String,
    held: Held,
}

/// The whole table.
pub(crate) struct Table {
    entries: Vec<Entry>,
}

impl Table {
    /// Reads the text; `#` begins a comment.
    ///
    /// # Errors
    /// When a line has another form.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let &[operation, what, rest] = words.as_slice() else {
                return Err(wrong(index + 1, "has not three parts"));
            };
            let held = match rest.strip_prefix("cannot ") {
                Some(reason) => Held::Cannot(reason.trim().to_owned()),
                None => Held::Test(rest.trim().to_owned()),
            };
            let entry = Entry { line: index + 1, operation: operation.into(), what: what.into(), held };
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// Holds the table against the model, the handlers and the test files (`text_of` gives the text of one).
    ///
    /// # Errors
    /// The first line that names what does not exist.
    pub(crate) fn check(
        &self,
        operations: &[Operation],
        handlers: &[String],
        text_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        for entry in &self.entries {
            let operation = operations.iter().find(|operation| operation.name == entry.operation);
            if entry.operation != EVERY && operation.is_none() {
                return Err(wrong(
                    entry.line,
                    &format!("names the operation {}, which does not exist", entry.operation),
                ));
            }
            if entry.operation != EVERY && !handlers.contains(&entry.operation) {
                return Err(wrong(entry.line, &format!("names {}, which has no handler", entry.operation)));
            }
            let Held::Test(name) = &entry.held else { continue };
            let exists = name.split_once("::").is_some_and(|(file, test)| {
                text_of(file).is_some_and(|text| text.contains(&format!("def {test}(")))
            });
            if !exists {
                return Err(wrong(entry.line, &format!("names the test `{name}`, which does not exist")));
            }
        }
        Ok(())
    }

    /// The test that shows that the operation works.
    pub(crate) fn success_of(&self, operation: &str) -> Option<String> {
        match self.entry(operation, SUCCESS).map(|entry| &entry.held) {
            Some(Held::Test(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// The errors of an operation that something must hold: those of the model, then others that the table names.
    pub(crate) fn errors_of(&self, operation: &Operation) -> Vec<String> {
        let mut errors = operation.errors.clone();
        errors.sort();
        for entry in &self.entries {
            let is_for = entry.operation == operation.name || entry.operation == EVERY;
            let is_of_the_model_elsewhere = entry.operation == EVERY && matches!(entry.held, Held::Cannot(_));
            if is_for && entry.what != SUCCESS && !is_of_the_model_elsewhere && !errors.contains(&entry.what)
            {
                errors.push(entry.what.clone());
            }
        }
        errors
    }

    /// What holds an error of an operation.
    pub(crate) fn holds(&self, operation: &str, error: &str) -> Option<&Held> {
        self.entry(operation, error).map(|entry| &entry.held)
    }

    fn entry(&self, operation: &str, what: &str) -> Option<&Entry> {
        let of = |name: &str| self.entries.iter().find(|entry| entry.operation == name && entry.what == what);
        of(operation).or_else(|| of(EVERY))
    }
}

fn wrong(line: usize, what: &str) -> Failure {
    Failure::new(format!("line {line} of the table of tests {what}"))
}
