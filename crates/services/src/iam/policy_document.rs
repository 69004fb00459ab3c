//! Which policy documents IAM takes, and what it says about the others.
//!
//! IAM looks at a document several times and stops at the first thing that is wrong: at its syntax, its version, what it calls
//! legacy parsing, and then what the statements say. The order and the texts are AWS's, as moto's tests recorded them.

mod resources;
mod statements;
mod syntax;
#[cfg(test)]
mod tests;
mod trust;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{Handled, error::IamError};

pub(crate) use trust::{check as check_trust, trusts};

/// Documents travel percent-encoded in answers, by RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A document in an answer.
pub(crate) fn shown(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

/// Whether a document can be a managed or an inline policy.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub(crate) fn check(text: &str) -> Handled<()> {
    check_as(text, true)
}

/// Whether a document can be the policy of a session, which needs no version.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub(crate) fn check_session(text: &str) -> Handled<()> {
    check_as(text, false)
}

fn check_as(text: &str, needs_version: bool) -> Handled<()> {
    let document: Map<String, Value> = serde_json::from_str(text).map_err(|_| syntax_error())?;
    let statements = syntax::statements(&document).ok_or_else(syntax_error)?;
    if needs_version && document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    if !statements.iter().all(|statement| statements::passes_legacy_parsing(statement)) {
        return Err(malformed("The policy failed legacy parsing"));
    }
    statements::check(&statements)
}

fn syntax_error() -> IamError {
    malformed("Syntax errors in policy.")
}

fn malformed(message: impl Into<String>) -> IamError {
    IamError::MalformedPolicyDocument(message.into())
}

/// The texts of an element that is a text or a list of them.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
