//! Patterns held against messages of SQS (F-05): a body is what the pattern takes it for, or the message is filtered out.

use std::collections::BTreeMap;

use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::{FieldPattern, FilterPattern};

/// Whether the message, as a function gets it (Q-09), matches any of the patterns.
pub fn matches_any(patterns: &[FilterPattern], message: &Value) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, message))
}

fn matches(pattern: &FilterPattern, message: &Value) -> bool {
    let wanted = pattern.fields.iter().find(|(name, _)| name == "body").map(|(_, wanted)| wanted);
    let body = message["body"].as_str().unwrap_or_default();
    let taken = match wanted {
        // Only what is no JSON object is text, and only what is one has fields.
        Some(FieldPattern::Nested(_)) => object(body),
        Some(FieldPattern::AnyOf(_)) if object(body).is_none() => text(body),
        Some(FieldPattern::AnyOf(_)) => None,
        Some(FieldPattern::Or(_)) | None => object(body).or_else(|| text(body)),
    };
    taken.and_then(|body| with_body(message, body)).is_some_and(|message| pattern.matches(&message))
}

/// The body as it is written, if it is a JSON object: its numbers are compared by their writing (F-03).
fn object(body: &str) -> Option<Box<RawValue>> {
    let raw: Box<RawValue> = serde_json::from_str(body).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

fn text(body: &str) -> Option<Box<RawValue>> {
    to_raw_value(body).ok()
}

fn with_body(message: &Value, body: Box<RawValue>) -> Option<String> {
    let members = message.as_object()?.iter();
    let mut raw: BTreeMap<&str, Box<RawValue>> = members
        .map(|(name, value)| Some((name.as_str(), to_raw_value(value).ok()?)))
        .collect::<Option<_>>()?;
    raw.insert("body", body);
    serde_json::to_string(&raw).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_kept(pattern: &str, body: &str) -> bool {
        let patterns = [FilterPattern::parse(pattern).unwrap()];
        matches_any(&patterns, &json!({"messageId": "m", "body": body, "attributes": {"SenderId": "s"}}))
    }

    #[test]
    fn f_05_a_body_is_what_the_pattern_takes_it_for() {
        let (fields, text) =
            (r#"{"body": {"size": [{"numeric": [">", 5]}]}}"#, r#"{"body": [{"prefix": "hello"}]}"#);
        assert!(is_kept(fields, r#"{"size": 6}"#));
        assert!(!is_kept(fields, r#"{"size": 5}"#));
        assert!(!is_kept(fields, "hello world"), "text for a pattern of fields");
        assert!(is_kept(text, "hello world"));
        assert!(!is_kept(text, r#"{"hello": 1}"#), "fields for a pattern of text");
        assert!(
            !is_kept(r#"{"body": {"n": [300]}}"#, r#"{"n": 3.0e2}"#)
                && is_kept(r#"{"body": {"n": [3.0e2]}}"#, r#"{"n": 3.0e2}"#)
        );
        let metadata = r#"{"attributes": {"SenderId": ["s"]}}"#;
        assert!(is_kept(metadata, "hello") && is_kept(metadata, r#"{"size": 1}"#));
        assert!(!is_kept(r#"{"attributes": {"SenderId": ["other"]}}"#, "hello"));
        assert!(matches_any(&[], &json!({})));
    }

    #[test]
    fn f_05_alternatives_may_be_about_the_body() {
        let pattern = r#"{"$or": [{"body": {"a": [1]}}, {"messageId": ["m"]}]}"#;
        assert!(is_kept(pattern, r#"{"a": 2}"#) && is_kept(pattern, "text"));
        assert!(!is_kept(r#"{"$or": [{"body": {"a": [1]}}, {"messageId": ["n"]}]}"#, r#"{"a": 2}"#));
    }
}
