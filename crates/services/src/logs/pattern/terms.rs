//! Terms of unstructured text.

use super::{InvalidPattern, reader::Reader};

/// Terms that must all, must not, or need any of them be there.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    any: Vec<Term>,
}

#[derive(Debug, Clone)]
enum Term {
    Text(String),
    Regex(regex::Regex),
}

impl Term {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Text(term) => text.contains(term.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut reader = Reader(text);
        let mut terms = Self::default();
        while !reader.is_at_end() {
            let kind = if reader.take("?") {
                &mut terms.any
            } else if reader.take("-") {
                &mut terms.none
            } else {
                &mut terms.all
            };
            kind.push(term(&mut reader)?);
        }
        Ok(terms)
    }

    pub(super) fn match_text(&self, text: &str) -> bool {
        // AWS ignores optional terms beside others.
        let has_others = !self.all.is_empty() || !self.none.is_empty();
        self.all.iter().all(|term| term.is_in(text))
            && !self.none.iter().any(|term| term.is_in(text))
            && (has_others || self.any.iter().any(|term| term.is_in(text)))
    }
}

/// A word, a phrase or a regular expression. A word has letters, digits and underscores only, unless it is in quotation marks.
fn term(reader: &mut Reader<'_>) -> Result<Term, InvalidPattern> {
    if reader.take("\"") {
        return reader.quoted().map(Term::Text);
    }
    if reader.take("%") {
        return reader.regex().map(Term::Regex);
    }
    let word = reader.until(char::is_whitespace);
    let is_plain = |letter: char| letter.is_alphanumeric() || "_.:/#@$*'+=-".contains(letter);
    if word.is_empty() || !word.chars().all(is_plain) {
        return Err(InvalidPattern);
    }
    Ok(Term::Text(word.to_owned()))
}
