//! `$util` (API Gateway guide, "Mapping template and access logging variable reference").

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{RenderError, Value, json, print};

/// What Java's `URLEncoder` leaves as it is, a space aside.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// What a function of `$util` gives.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, RenderError> {
    let [argument] = arguments else { return Ok(Value::Null) };
    let text = print::text_of(argument)?;
    Ok(match name {
        "escapeJavaScript" => Value::text(escaped(&text)),
        "parseJson" => match json::parse(&text) {
            Some(value) => value,
            None => return Err(RenderError("$util.parseJson() was given what is not JSON".to_owned())),
        },
        "urlEncode" => Value::text(utf8_percent_encode(&text, FORM).to_string().replace(' ', "+")),
        "urlDecode" => Value::text(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy()),
        "base64Encode" => Value::text(BASE64_STANDARD.encode(&text)),
        "base64Decode" => match BASE64_STANDARD.decode(text.trim()) {
            Ok(bytes) => Value::text(String::from_utf8_lossy(&bytes)),
            Err(_) => {
                return Err(RenderError("$util.base64Decode() was given what is not base64".to_owned()));
            }
        },
        _ => Value::Null,
    })
}

/// By the rules of Apache Commons' `escapeJavaScript`: single quotes too, as the guide warns, and all that is not ASCII.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\'' | '"' | '\\' | '/' => out.extend(['\\', character]),
            '\u{8}' => out.push_str("\\b"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(character),
            other => {
                let mut units = [0; 2];
                other
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
            }
        }
    }
    out
}
