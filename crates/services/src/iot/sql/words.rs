//! The words of a statement.

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A name, or one of the language's own.
    Name(String),
    /// A name in double quotes: never one of the language's own.
    Quoted(String),
    /// `'text'`.
    Text(String),
    /// A number as it is written.
    Number(String),
    /// `<=`, say.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: &[&str] =
    &["<>", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "."];

/// Reads all words.
pub(super) fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, left) = match first {
            '\'' | '"' => quoted(rest, first)?,
            '0'..='9' => number(rest),
            first if is_of_name(first) => {
                let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
                let (name, left) = rest.split_at(end);
                (Word::Name(name.to_owned()), left)
            }
            _ => sign(rest)?,
        };
        found.push(word);
        rest = left.trim_start();
    }
    Ok(found)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$' || letter == '@'
}

/// A quote within is written twice.
fn quoted(rest: &str, quote: char) -> Result<(Word, &str), String> {
    let (mut text, mut letters) = (String::new(), rest.char_indices().skip(1).peekable());
    while let Some((place, letter)) = letters.next() {
        match letter {
            letter if letter != quote => text.push(letter),
            _ if letters.peek().is_some_and(|(_, next)| *next == quote) => {
                letters.next();
                text.push(quote);
            }
            _ => {
                let word = if quote == '\'' { Word::Text(text) } else { Word::Quoted(text) };
                return Ok((word, rest.get(place + 1..).unwrap_or_default()));
            }
        }
    }
    Err(format!("A {quote} has no end."))
}

fn number(rest: &str) -> (Word, &str) {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let digits = |text: &str| text.find(|letter| !is_digit(letter)).unwrap_or(text.len());
    let mut end = digits(rest);
    if let Some(fraction) = rest.get(end..).and_then(|left| left.strip_prefix('.')) {
        // A point without digits is that of a path.
        let more = digits(fraction);
        end += if more > 0 { 1 + more } else { 0 };
    }
    if let Some(exponent) = rest.get(end..).and_then(|left| left.strip_prefix(['e', 'E'])) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let more = digits(unsigned);
        end += if more > 0 { 1 + exponent.len() - unsigned.len() + more } else { 0 };
    }
    let (number, left) = rest.split_at(end);
    (Word::Number(number.to_owned()), left)
}

fn sign(rest: &str) -> Result<(Word, &str), String> {
    let found = SIGNS.iter().find_map(|sign| rest.strip_prefix(sign).map(|left| (Word::Sign(sign), left)));
    found.ok_or_else(|| format!("Unexpected character: {}", rest.chars().next().unwrap_or_default()))
}
