//! Tokens of expressions.

use aws_api::error_response::ApiError;

use super::Kind;

/// An expression at most, bytes ("Expression parameters").
const BYTES_MAX: usize = 4_096;

/// A token, as it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a word.
    Name(&'a str),
    /// `#name`
    NamePlaceholder(&'a str),
    /// `:value`
    ValuePlaceholder(&'a str),
    /// Digits.
    Number(&'a str),
    /// `=`, `<>`, `<`, `<=`, `>`, `>=`, and single characters.
    Symbol(&'a str),
}

impl<'a> Token<'a> {
    /// As it stands in the text.
    pub(super) fn text(&self) -> &'a str {
        match self {
            Self::Name(text)
            | Self::NamePlaceholder(text)
            | Self::ValuePlaceholder(text)
            | Self::Number(text)
            | Self::Symbol(text) => text,
        }
    }
}

/// Reads a text.
///
/// # Errors
/// When it is empty or too long, or has a character that none has.
pub(super) fn tokens(text: &str, kind: Kind) -> Result<Vec<Token<'_>>, ApiError> {
    if text.trim().is_empty() {
        return Err(kind.invalid("The expression can not be empty;"));
    }
    if text.len() > BYTES_MAX {
        let size = text.len();
        let why = format!("Expression size has exceeded the maximum allowed size; expression size: {size}");
        return Err(kind.invalid(why));
    }
    let (mut rest, mut tokens) = (text.trim_start(), Vec::new());
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first)
            .ok_or_else(|| kind.invalid(format!("Syntax error; token: \"{first}\", near: \"{first}\"")))?;
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// The token that a text begins with, and how long it is.
fn next(text: &str, first: char) -> Option<(Token<'_>, usize)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let word = |from: usize| {
        let end = text.get(from..)?.find(|letter| !is_word(letter)).map_or(text.len(), |end| from + end);
        Some((text.get(..end)?, end))
    };
    if first.is_ascii_digit() {
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        return Some((Token::Number(text.get(..end)?), end));
    }
    if is_word(first) {
        let (name, end) = word(0)?;
        return Some((Token::Name(name), end));
    }
    if first == '#' || first == ':' {
        let (name, end) = word(1).filter(|(_, end)| *end > 1)?;
        let token = if first == '#' { Token::NamePlaceholder(name) } else { Token::ValuePlaceholder(name) };
        return Some((token, end));
    }
    let symbols = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];
    let symbol = symbols.into_iter().find(|symbol| text.starts_with(symbol))?;
    Some((Token::Symbol(symbol), symbol.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_token_by_token() {
        let read = tokens(" a.#b[12]<>:c  AND size(d)>=:e", Kind::Condition).unwrap();
        let texts: Vec<&str> = read.iter().map(Token::text).collect();
        assert_eq!(
            texts,
            ["a", ".", "#b", "[", "12", "]", "<>", ":c", "AND", "size", "(", "d", ")", ">=", ":e"]
        );
    }

    #[test]
    fn what_no_expression_has_is_refused() {
        for text in ["", "  ", "a ! b", "# = :a", "a = :", "a = 'x'", "ä = :a"] {
            assert!(tokens(text, Kind::Condition).is_err(), "{text}");
        }
        assert!(tokens(&"a".repeat(4_097), Kind::Condition).is_err());
    }
}
