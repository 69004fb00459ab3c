//! The event of an invocation: JSON, or refused in the words of the parser that AWS uses (Jackson), as far as ours sees the same.

use bytes::Bytes;
use lambda_model::LambdaError;

/// Bytes of an unknown token that are shown.
const TOKEN_BYTES_MAX: usize = 50;

/// An event must be JSON; none is what boto3 sends for no payload, and runtimes get `{}`.
pub(super) fn checked(payload: Bytes) -> Result<Bytes, LambdaError> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(LambdaError::InvalidRequestContent(format!(
            "Could not parse request body into json: Could not parse payload into json: {}",
            describe(&payload, &error)
        ))),
    }
}

/// What is wrong, and where (E-12).
fn describe(payload: &[u8], error: &serde_json::Error) -> String {
    const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
    let (text, at) = (error.to_string(), offset(payload, error));
    let is = |beginning: &str| text.starts_with(beginning);
    let unexpected =
        |expected: &str| format!("Unexpected character ({}): {expected}", character(payload, at));
    let what = if error.is_eof() {
        "Unexpected end-of-input".into()
    } else if is("key must be a string") {
        unexpected("was expecting double-quote to start field name")
    } else if is("expected `:`") {
        unexpected("was expecting a colon to separate field name and value")
    } else if is("expected `,` or `}`") {
        unexpected("was expecting comma to separate Object entries")
    } else if is("expected `,` or `]`") {
        unexpected("was expecting comma to separate Array entries")
    } else if is("expected ident") || (is("expected value") && is_word(payload.get(at))) {
        format!("Unrecognized token '{}': was expecting {VALUES}", token(payload, at))
    } else if is("expected value") {
        unexpected(&format!("expected a valid value {VALUES}"))
    } else {
        return text;
    };
    format!("{what}\n at [line: {}, column: {}]", error.line(), error.column())
}

/// Where the offending byte is.
fn offset(payload: &[u8], error: &serde_json::Error) -> usize {
    let lines = payload.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

fn character(payload: &[u8], at: usize) -> String {
    let rest = payload.get(at..payload.len().min(at + 4)).unwrap_or_default();
    match String::from_utf8_lossy(rest).chars().next() {
        Some(control) if control < ' ' => format!("CTRL-CHAR, code {}", u32::from(control)),
        Some(other) => format!("'{other}' (code {})", u32::from(other)),
        None => "CTRL-CHAR, code 0".into(),
    }
}

/// The word around the offending byte.
fn token(payload: &[u8], at: usize) -> String {
    let before = payload.get(..at).unwrap_or_default();
    let start = before.iter().rposition(|byte| !is_word(Some(byte))).map_or(0, |before| before + 1);
    let word = payload[start..].iter().take_while(|byte| is_word(Some(byte))).take(TOKEN_BYTES_MAX);
    word.map(|byte| char::from(*byte)).collect()
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

    fn check(payload: &str, expected: &str, line: usize, column: usize) {
        let refused = checked(Bytes::copy_from_slice(payload.as_bytes())).unwrap_err().to_string();
        let told = refused
            .strip_prefix("Could not parse request body into json: Could not parse payload into json: ");
        let expected = format!("{expected}\n at [line: {line}, column: {column}]");
        assert_eq!(told, Some(expected.as_str()), "{payload}");
    }

    #[test]
    fn what_is_no_json_is_refused_in_the_words_of_aws() {
        let unexpected = |character: char, expected: &str| {
            format!("Unexpected character ('{character}' (code {})): {expected}", u32::from(character))
        };
        let field_name = "was expecting double-quote to start field name";
        check("{not json", &unexpected('n', field_name), 1, 2);
        let colon = "was expecting a colon to separate field name and value";
        check("{\"a\":1,\n \"b\" 2}", &unexpected('2', colon), 2, 6);
        check("[1 2]", &unexpected('2', "was expecting comma to separate Array entries"), 1, 4);
        check("{\"a\":1 \"b\":2}", &unexpected('"', "was expecting comma to separate Object entries"), 1, 8);
        check("nope", &format!("Unrecognized token 'nope': was expecting {VALUES}"), 1, 2);
        check("[invalid]", &format!("Unrecognized token 'invalid': was expecting {VALUES}"), 1, 2);
        check("*x", &unexpected('*', &format!("expected a valid value {VALUES}")), 1, 1);
        check("[\"a\"", "Unexpected end-of-input", 1, 4);
    }

    #[test]
    fn json_passes_as_it_is_and_nothing_is_an_empty_object() {
        for payload in ["{\"a\": [1, 2.5e3, null]}", " 1 ", "\"text\""] {
            assert_eq!(checked(Bytes::from_static(payload.as_bytes())).unwrap(), payload);
        }
        assert_eq!(checked(Bytes::new()).unwrap(), "{}");
    }
}
