//! Markers of list operations: opaque to callers, checked when they come back.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use thiserror::Error;

/// What every marker begins with, so that anything else is recognised as not ours.
const PREFIX: &str = "v1:";

/// The marker is not one that this server gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("invalid pagination marker")]
pub struct InvalidMarker;

/// The marker for the page after `last`.
pub fn encode(last: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{PREFIX}{last}"))
}

/// What the page before ended with.
///
/// # Errors
/// [`InvalidMarker`].
pub fn decode(marker: &str) -> Result<String, InvalidMarker> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(marker).map_err(|_| InvalidMarker)?;
    let text = String::from_utf8(bytes).map_err(|_| InvalidMarker)?;
    text.strip_prefix(PREFIX).map(str::to_owned).ok_or(InvalidMarker)
}
