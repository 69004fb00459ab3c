//! Comparing a value of an event with one of a pattern.

use super::{InvalidPattern, reader::Reader};

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Takes an operator.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        OPERATORS.iter().find(|(word, _)| reader.take(word)).map(|(_, operator)| *operator)
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A value of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// Compared as a number with numbers.
    Number(f64, String),
    /// Text in which `*` stands for any text.
    Text(String),
    /// A regular expression.
    Regex(regex::Regex),
}

impl Expected {
    /// Reads the value after `operator`; `ends` are the letters that end an unquoted one.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        operator: Operator,
        ends: impl Fn(char) -> bool,
    ) -> Result<Self, InvalidPattern> {
        let value = if reader.take("\"") {
            Self::Text(reader.quoted()?)
        } else if reader.take("%") {
            Self::Regex(reader.regex()?)
        } else {
            reader.skip_spaces();
            let word = reader.until(|letter| letter.is_whitespace() || ends(letter));
            match word.parse::<f64>() {
                Ok(number) => Self::Number(number, word.to_owned()),
                Err(_) if word.is_empty() => return Err(InvalidPattern),
                Err(_) => Self::Text(word.to_owned()),
            }
        };
        // Order is of numbers only.
        let is_number = matches!(value, Self::Number(..));
        if operator.is_equality() || is_number { Ok(value) } else { Err(InvalidPattern) }
    }

    /// Whether `text`, which is `number` if it is one, compares so.
    pub(super) fn compares(&self, operator: Operator, text: &str, number: Option<f64>) -> bool {
        match self {
            Self::Number(expected, written) => match (operator, number) {
                (Operator::Equal, Some(number)) => number == *expected,
                (Operator::NotEqual, Some(number)) => number != *expected,
                (Operator::Less, Some(number)) => number < *expected,
                (Operator::LessOrEqual, Some(number)) => number <= *expected,
                (Operator::Greater, Some(number)) => number > *expected,
                (Operator::GreaterOrEqual, Some(number)) => number >= *expected,
                (Operator::Equal, None) => text == written,
                (Operator::NotEqual, None) => text != written,
                _ => false,
            },
            Self::Text(expected) => matches_wildcard(expected, text) == (operator == Operator::Equal),
            Self::Regex(regex) => regex.is_match(text) == (operator == Operator::Equal),
        }
    }
}

/// Whether `text` is `pattern`, in which each `*` stands for any text.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
