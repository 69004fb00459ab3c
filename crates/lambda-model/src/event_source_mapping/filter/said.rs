//! What a record says, in place of the form in which a function gets it.

use std::collections::BTreeMap;

use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// What is written, if it is a JSON object: its numbers are compared by their writing (F-03).
pub(super) fn object(said: &str) -> Option<Box<RawValue>> {
    let raw: Box<RawValue> = serde_json::from_str(said).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

pub(super) fn text(said: &str) -> Option<Box<RawValue>> {
    to_raw_value(said).ok()
}

/// The record with these members in place of its own.
pub(super) fn with_said<'a>(
    record: &'a Value,
    said: impl IntoIterator<Item = (&'a str, Box<RawValue>)>,
) -> Option<String> {
    let members = record.as_object()?.iter();
    let mut raw: BTreeMap<&str, Box<RawValue>> = members
        .map(|(name, value)| Some((name.as_str(), to_raw_value(value).ok()?)))
        .collect::<Option<_>>()?;
    raw.extend(said);
    serde_json::to_string(&raw).ok()
}
