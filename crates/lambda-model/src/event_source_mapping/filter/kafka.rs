//! Patterns held against records of Kafka (F-05, KF-05): where what a record says is not of the pattern's kind, the rest of the pattern
//! decides.

use std::collections::BTreeMap;

use super::{
    FieldPattern, FilterPattern,
    said::{object, text, with_said},
};
use crate::event_source_mapping::broker::kafka::KafkaRecord;

/// Whether a record matches any of the patterns, or there is none.
pub fn matches_any(patterns: &[FilterPattern], record: &KafkaRecord) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, record))
}

fn matches(pattern: &FilterPattern, record: &KafkaRecord) -> bool {
    let json = record.json();
    let (mut said, mut left) = (BTreeMap::new(), pattern.fields.clone());
    for (name, bytes) in [("key", &record.key), ("value", &record.value)] {
        let Some(bytes) = bytes else { continue };
        let written = core::str::from_utf8(bytes).ok();
        let (as_object, as_text) = (written.and_then(object), written.and_then(text));
        let wanted = pattern.fields.iter().find(|(field, _)| field == name).map(|(_, wanted)| wanted);
        let taken = match wanted {
            Some(FieldPattern::Nested(_)) => as_object,
            Some(FieldPattern::AnyOf(_)) if as_object.is_none() => as_text,
            Some(FieldPattern::AnyOf(_)) => None,
            Some(FieldPattern::Or(_)) | None => as_object.or(as_text),
        };
        match taken {
            Some(taken) => drop(said.insert(name, taken)),
            None => left.retain(|(field, _)| field != name),
        }
    }
    with_said(&json, said).is_some_and(|json| FilterPattern { fields: left }.matches(&json))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn is_kept(pattern: &str, value: &[u8]) -> bool {
        let record = KafkaRecord {
            topic: "t".into(),
            partition: 0,
            offset: 7,
            timestamp_ms: 0,
            is_append_time: false,
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::copy_from_slice(value)),
            headers: Vec::new(),
        };
        matches_any(&[FilterPattern::parse(pattern).unwrap()], &record)
    }

    #[test]
    fn f_05_what_a_record_says_is_held_against_patterns_of_its_kind() {
        let (fields, text) = (r#"{"value": {"size": [5]}}"#, r#"{"value": [{"prefix": "hello"}]}"#);
        assert!(is_kept(fields, br#"{"size": 5}"#) && !is_kept(fields, br#"{"size": 6}"#));
        assert!(is_kept(text, b"hello world") && !is_kept(text, b"world"));
        // Of another kind: only the rest counts.
        assert!(is_kept(fields, b"hello") && is_kept(text, br#"{"size": 5}"#) && is_kept(fields, b"\xff"));
        assert!(!is_kept(r#"{"value": {"size": [5]}, "partition": [1]}"#, b"hello"));
        assert!(is_kept(r#"{"offset": [7], "key": ["k"]}"#, b"hello"));
        assert!(!is_kept(r#"{"key": ["other"]}"#, b"hello"));
    }
}
