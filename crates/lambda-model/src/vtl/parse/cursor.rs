//! Where in a text the parser is.

use super::{DEPTH_MAX, Parsed, SyntaxError};

/// See the module's doc.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// A text within this one, to be read on its own; no shallower for that.
    pub(super) fn within(&self, text: &'a str) -> Self {
        Self { text, at: 0, depth: self.depth }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next character, and goes on behind it.
    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Goes on behind a text, if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    pub(super) fn take_while(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !is_of(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn take_until(&mut self, ends: [char; 3]) -> &'a str {
        self.take_while(|character| !ends.contains(&character))
    }

    /// What is before a text, and goes on behind that text; all of it where the text does not come.
    pub(super) fn take_through(&mut self, end: &str) -> &'a str {
        let rest = self.rest();
        let (before, through) = match rest.find(end) {
            Some(at) => (&rest[..at], at + end.len()),
            None => (rest, rest.len()),
        };
        self.at += through;
        before
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// What is left of the line, if there is nothing in it, belongs to a directive.
    pub(super) fn skip_end_of_line(&mut self) {
        let before = self.at;
        self.take_while(|character| matches!(character, ' ' | '\t'));
        if !(self.take("\r\n") || self.take("\n") || self.take("\r")) {
            self.at = before;
        }
    }

    /// Goes on behind what has to come, with space before it.
    pub(super) fn expect(&mut self, text: &str) -> Parsed<()> {
        self.skip_space();
        match self.take(text) {
            true => Ok(()),
            false => Err(self.error(format!("{text} is missing"))),
        }
    }

    /// A letter or an underscore, and what may follow it.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        if !(first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        Some(self.take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-')))
    }

    /// What was read since this place.
    pub(super) fn until(&self, later: &Cursor<'a>) -> &'a str {
        &self.text[self.at..later.at]
    }

    /// Reads something that is one deeper.
    pub(super) fn deepen<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.error("too deep".to_owned()));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    pub(super) fn error(&self, what: String) -> SyntaxError {
        SyntaxError { line: 1 + self.text[..self.at].matches('\n').count(), what }
    }
}
