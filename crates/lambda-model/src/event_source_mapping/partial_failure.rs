//! What a function says of the records of its batch (Q-08).

use std::collections::BTreeSet;

use serde_json::Value;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every record is done.
    Done,
    /// Every record is done but these.
    Failed(BTreeSet<String>),
    /// None is.
    AllFailed,
}

/// What a response says of items, whatever they are.
pub(super) enum Said {
    /// Nothing: all are done.
    Done,
    /// These have failed.
    Failed(Vec<Value>),
    /// What cannot be understood.
    Nonsense,
}

/// Reads `{"batchItemFailures": [...]}`.
pub(super) fn said(response: &[u8]) -> Said {
    if response.is_empty() {
        return Said::Done;
    }
    let items = match serde_json::from_slice::<Value>(response) {
        Ok(Value::Null) => return Said::Done,
        Ok(Value::String(text)) if text.is_empty() => return Said::Done,
        Ok(Value::Object(mut members)) => members.remove("batchItemFailures").unwrap_or(Value::Null),
        _ => return Said::Nonsense,
    };
    match items {
        Value::Null => Said::Done,
        Value::Array(items) => Said::Failed(items),
        _ => Said::Nonsense,
    }
}

/// Reads the response of a function that reports failures of items; `identifiers` are those of the batch.
///
/// Nothing to say is success. What cannot be understood is a failure of all, also an item that is not in the batch.
pub fn verdict(response: &[u8], identifiers: &BTreeSet<&str>) -> Verdict {
    let items = match said(response) {
        Said::Done => return Verdict::Done,
        Said::Nonsense => return Verdict::AllFailed,
        Said::Failed(items) => items,
    };
    let known = |item: &Value| {
        let identifier = item.get("itemIdentifier")?.as_str()?;
        identifiers.contains(identifier).then(|| identifier.to_owned())
    };
    match items.iter().map(known).collect::<Option<BTreeSet<String>>>() {
        None => Verdict::AllFailed,
        Some(failed) if failed.is_empty() => Verdict::Done,
        Some(failed) => Verdict::Failed(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_08_a_response_says_what_failed() {
        let identifiers: BTreeSet<&str> = ["a", "b"].into();
        let failed = |ids: &[&str]| Verdict::Failed(ids.iter().map(|id| (*id).to_owned()).collect());
        for (response, expected) in [
            ("", Verdict::Done),
            ("null", Verdict::Done),
            ("\"\"", Verdict::Done),
            ("{}", Verdict::Done),
            (r#"{"other": 1}"#, Verdict::Done),
            (r#"{"batchItemFailures": null}"#, Verdict::Done),
            (r#"{"batchItemFailures": []}"#, Verdict::Done),
            (r#"{"batchItemFailures": [{"itemIdentifier": "a"}]}"#, failed(&["a"])),
            (r#"{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]}"#, failed(&["b"])),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, Verdict::AllFailed),
            (r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#, Verdict::AllFailed),
            (r#"{"batchItemFailures": [{"itemId": "a"}]}"#, Verdict::AllFailed),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}"#,
                Verdict::AllFailed,
            ),
            (r#"{"batchItemFailures": "a"}"#, Verdict::AllFailed),
            ("\"text\"", Verdict::AllFailed),
            ("[", Verdict::AllFailed),
        ] {
            assert_eq!(verdict(response.as_bytes(), &identifiers), expected, "{response}");
        }
    }
}
