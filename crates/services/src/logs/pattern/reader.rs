//! Reading a pattern letter by letter.

use super::InvalidPattern;

/// What is still to be read.
pub(super) struct Reader<'a>(pub &'a str);

impl<'a> Reader<'a> {
    /// Passes over spaces.
    pub(super) fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// Takes `word` if it comes next, after spaces.
    pub(super) fn take(&mut self, word: &str) -> bool {
        self.skip_spaces();
        match self.0.strip_prefix(word) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// The next letter, after spaces.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.0.chars().next()
    }

    /// Whether nothing comes any more.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Letters up to one that `ends`.
    pub(super) fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(ends).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// Text in quotation marks, in which `\"` is a quotation mark and `\\` a backslash; the opening mark is taken already.
    pub(super) fn quoted(&mut self) -> Result<String, InvalidPattern> {
        let mut text = String::new();
        let mut letters = self.0.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(text);
                }
                '\\' => match letters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => return Err(InvalidPattern),
                },
                other => text.push(other),
            }
        }
        Err(InvalidPattern)
    }

    /// A regular expression between per cent signs; the first sign is taken already.
    pub(super) fn regex(&mut self) -> Result<regex::Regex, InvalidPattern> {
        let text = self.until(|letter| letter == '%');
        if !self.take("%") {
            return Err(InvalidPattern);
        }
        regex::RegexBuilder::new(text).size_limit(1 << 20).build().map_err(|_| InvalidPattern)
    }
}
