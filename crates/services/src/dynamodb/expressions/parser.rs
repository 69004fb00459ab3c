//! Goes through the tokens of an expression.

use aws_api::error_response::ApiError;

use super::{
    Kind, Path, Placeholders, Step,
    lexer::{Token, tokens},
    reserved::is_reserved,
};

/// Conditions in each other at most: each is a call of ours.
const DEPTH_MAX: usize = 150;
/// Steps of a path at most ("Nested attributes").
const STEPS_MAX: usize = 32;

/// The tokens of an expression, and how far it is read.
pub(super) struct Parser<'a> {
    pub kind: Kind,
    pub placeholders: &'a Placeholders,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    /// The tokens of the last parentheses that were read: the first, and the one behind.
    group: (usize, usize),
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, kind: Kind, placeholders: &'a Placeholders) -> Result<Self, ApiError> {
        Ok(Self { kind, placeholders, tokens: tokens(text, kind)?, at: 0, depth: 0, group: (0, 0) })
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    /// The text of the token behind the next.
    pub(super) fn peek_second(&self) -> Option<&'a str> {
        self.tokens.get(self.at + 1).map(Token::text)
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Goes past a symbol, if it is next.
    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Symbol(text)) if *text == symbol);
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes past a word of the language, in whatever case, if it is next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Name(text)) if text.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn wants(&mut self, symbol: &str) -> Result<(), ApiError> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Reads what is in parentheses, behind the first of them. Those around nothing but other ones are refused.
    pub(super) fn in_parentheses<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let first = self.at;
        let inside = self.deeper(read)?;
        let is_redundant = self.group == (first, self.at);
        self.wants(")")?;
        if is_redundant {
            return Err(self.kind.invalid("The expression has redundant parentheses;"));
        }
        self.group = (first - 1, self.at);
        Ok(inside)
    }

    /// Reads what is in something else.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.kind.invalid("The expression has too many levels"));
        }
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// The next token is none that may stand there.
    pub(super) fn unexpected(&self) -> ApiError {
        let from = self.at.saturating_sub(1);
        let near: Vec<&str> = self.tokens.iter().skip(from).take(3).map(Token::text).collect();
        let token = self.peek().map_or("<EOF>", Token::text);
        self.kind.invalid(format!("Syntax error; token: \"{token}\", near: \"{}\"", near.join(" ")))
    }

    pub(super) fn end(&self) -> Result<(), ApiError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// A document path.
    pub(super) fn path(&mut self) -> Result<Path, ApiError> {
        let mut path = Path { attribute: self.name()?, steps: Vec::new() };
        loop {
            if self.takes(".") {
                path.steps.push(Step::Field(self.name()?));
            } else if self.takes("[") {
                let Some(Token::Number(digits)) = self.peek() else { return Err(self.unexpected()) };
                let index = digits.parse().map_err(|_| self.unexpected())?;
                self.skip();
                self.wants("]")?;
                path.steps.push(Step::Index(index));
            } else {
                return Ok(path);
            }
            if path.steps.len() >= STEPS_MAX {
                return Err(self
                    .kind
                    .invalid("The document path has too many nesting elements; nesting levels: 33"));
            }
        }
    }

    fn name(&mut self) -> Result<String, ApiError> {
        let name = match self.peek() {
            Some(Token::NamePlaceholder(name)) => self.placeholders.name(name, self.kind)?,
            Some(Token::Name(name)) if is_reserved(name) => {
                return Err(self
                    .kind
                    .invalid(format!("Attribute name is a reserved keyword; reserved keyword: {name}")));
            }
            Some(Token::Name(name)) => (*name).to_owned(),
            _ => return Err(self.unexpected()),
        };
        self.skip();
        Ok(name)
    }
}
