//! Patterns held against messages of queues (F-05): what a message says is what the pattern takes it for, or it is filtered out.

use serde_json::Value;

use super::{
    FieldPattern, FilterPattern,
    said::{object, text, with_said},
};

/// Whether the message, as a function gets it (Q-09), matches any of the patterns.
pub fn matches_any(patterns: &[FilterPattern], message: &Value) -> bool {
    let body = message["body"].as_str().unwrap_or_default();
    matches_any_of(patterns, message, ("body", Some(body)))
}

/// The same where another member has what the message says, which is given as text; `None` for what is none.
pub fn matches_any_of(patterns: &[FilterPattern], message: &Value, said: (&str, Option<&str>)) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, message, said))
}

fn matches(pattern: &FilterPattern, message: &Value, (member, said): (&str, Option<&str>)) -> bool {
    let wanted = pattern.fields.iter().find(|(name, _)| name == member).map(|(_, wanted)| wanted);
    let said = said.unwrap_or_default();
    let taken = match wanted {
        // Only what is no JSON object is text, and only what is one has fields.
        Some(FieldPattern::Nested(_)) => object(said),
        Some(FieldPattern::AnyOf(_)) if object(said).is_none() => text(said),
        Some(FieldPattern::AnyOf(_)) => None,
        Some(FieldPattern::Or(_)) | None => object(said).or_else(|| text(said)),
    };
    taken
        .and_then(|said| with_said(message, [(member, said)]))
        .is_some_and(|message| pattern.matches(&message))
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
