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

/// Reads the response of a function that reports failures of items; `identifiers` are those of the batch.
///
/// Nothing to say is success. What cannot be understood is a failure of all, also an item that is not in the batch.
pub fn verdict(response: &[u8], identifiers: &BTreeSet<&str>) -> Verdict {
    if response.is_empty() {
        return Verdict::Done;
    }
    let Ok(response) = serde_json::from_slice::<Value>(response) else { return Verdict::AllFailed };
    let items = match &response {
        Value::Null => return Verdict::Done,
        Value::String(text) if text.is_empty() => return Verdict::Done,
        Value::Object(members) => members.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return Verdict::AllFailed,
    };
    let items = match items {
        Value::Null => return Verdict::Done,
        Value::Array(items) => items,
        _ => return Verdict::AllFailed,
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
