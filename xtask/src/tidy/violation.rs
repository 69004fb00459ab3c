//! What a broken rule says: what, where, why, and how to mend it.

use std::fmt;

/// One place where one rule does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// File, or file and line, or crate.
    pub(crate) place: String,
    /// What is wrong, as a statement about the place.
    pub(crate) what: String,
    /// Why the rule exists.
    pub(crate) why: &'static str,
    /// What to do about it.
    pub(crate) mend: String,
}

impl Violation {
    /// A violation at a line of a file.
    pub(crate) fn at(
        path: &str,
        line: usize,
        what: impl Into<String>,
        why: &'static str,
        mend: impl Into<String>,
    ) -> Self {
        Self { place: format!("{path}:{line}"), what: what.into(), why, mend: mend.into() }
    }

    /// A violation of a file or crate as a whole.
    pub(crate) fn of(
        place: impl Into<String>,
        what: impl Into<String>,
        why: &'static str,
        mend: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), what: what.into(), why, mend: mend.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}\n    why:  {}\n    mend: {}", self.place, self.what, self.why, self.mend)
    }
}
