//! What a function returns, as an answer of the web.
//!
//! In format 2.0 a function may say nothing of statuses and headers: whatever it returns is then the body (U-03).

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};

/// An answer; names of headers as the function wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAnswer {
    /// 200 to 599.
    pub status: u16,
    /// In their order; several of one name are sent apart.
    pub headers: Vec<(String, String)>,
    /// What follows them.
    pub body: Bytes,
}

/// Why what a function returned is no answer. The client gets an error of the front door, the operator this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Neither JSON, nor a text.
    #[error("the response is not JSON")]
    NotJson,
    /// `statusCode`.
    #[error("statusCode is not an HTTP status")]
    Status,
    /// `headers` or `multiValueHeaders`.
    #[error("headers are not an object of texts")]
    Headers,
    /// `cookies`.
    #[error("cookies are not a list of texts")]
    Cookies,
    /// One that answers do not have.
    #[error("it has a member that answers do not have")]
    Member,
    /// `body`.
    #[error("body is not a text, or not the base64 that it is said to be")]
    Body,
}

/// Those that end a request: what is below goes before an answer.
const STATUSES: std::ops::RangeInclusive<u64> = 200..=599;

/// The answer that a response in format 2.0 stands for.
///
/// # Errors
/// See [`Malformed`].
pub fn of_version_2(response: &[u8]) -> Result<WebAnswer, Malformed> {
    match serde_json::from_slice(response).map_err(|_| Malformed::NotJson)? {
        Value::Object(members) if members.contains_key("statusCode") => structured(&members),
        _ => Ok(WebAnswer {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Bytes::copy_from_slice(response),
        }),
    }
}

/// The answer that a response in format 1.0 stands for: it has to say its status.
///
/// # Errors
/// See [`Malformed`].
pub fn of_version_1(response: &[u8]) -> Result<WebAnswer, Malformed> {
    match serde_json::from_slice(response).map_err(|_| Malformed::NotJson)? {
        Value::Object(members) if members.contains_key("statusCode") => structured(&members),
        _ => Err(Malformed::Status),
    }
}

fn structured(members: &Map<String, Value>) -> Result<WebAnswer, Malformed> {
    let mut answer = head(members)?;
    if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        answer.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    answer.body = body(members)?;
    Ok(answer)
}

/// Status, headers and cookies; the body is empty.
///
/// # Errors
/// See [`Malformed`].
pub(super) fn head(members: &Map<String, Value>) -> Result<WebAnswer, Malformed> {
    let status = status(members.get("statusCode"))?;
    let multiple = multiple_headers(members.get("multiValueHeaders"))?;
    let mut headers = single_headers(members.get("headers"))?;
    // What is said twice is meant once.
    headers.retain(|single| !multiple.contains(single));
    headers.extend(multiple);
    headers.extend(cookies(members.get("cookies"))?.map(|cookie| ("Set-Cookie".to_owned(), cookie)));
    Ok(WebAnswer { status, headers, body: Bytes::new() })
}

/// A number, or a text that is one.
fn status(given: Option<&Value>) -> Result<u16, Malformed> {
    let number = match given {
        None | Some(Value::Null) => Some(200),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let known = number.filter(|number| STATUSES.contains(number));
    known.and_then(|number| u16::try_from(number).ok()).ok_or(Malformed::Status)
}

fn single_headers(given: Option<&Value>) -> Result<Vec<(String, String)>, Malformed> {
    let Some(members) = object(given)? else { return Ok(Vec::new()) };
    members.iter().map(|(name, value)| Ok((name.clone(), text(value).ok_or(Malformed::Headers)?))).collect()
}

fn multiple_headers(given: Option<&Value>) -> Result<Vec<(String, String)>, Malformed> {
    let mut all = Vec::new();
    for (name, values) in object(given)?.into_iter().flatten() {
        for value in values.as_array().ok_or(Malformed::Headers)? {
            all.push((name.clone(), text(value).ok_or(Malformed::Headers)?));
        }
    }
    Ok(all)
}

fn object(given: Option<&Value>) -> Result<Option<&Map<String, Value>>, Malformed> {
    match given {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Malformed::Headers),
    }
}

/// Numbers and truth values are written out; lists and objects are no header.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn cookies(given: Option<&Value>) -> Result<impl Iterator<Item = String>, Malformed> {
    let texts = match given {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(all)) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    texts.map(Vec::into_iter).ok_or(Malformed::Cookies)
}

fn body(members: &Map<String, Value>) -> Result<Bytes, Malformed> {
    let is_base64 = members.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    match members.get("body") {
        None | Some(Value::Null) => Ok(Bytes::new()),
        Some(Value::String(text)) if is_base64 => {
            BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| Malformed::Body)
        }
        Some(Value::String(text)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(_) => Err(Malformed::Body),
    }
}
