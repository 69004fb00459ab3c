//! Filter policies of subscriptions: patterns on the attributes of a message, or on its body.

use std::collections::BTreeMap;

use aws_api::error_response::ApiError;
use lambda_model::event_source_mapping::filter::{Dialect, FilterPattern};
use serde_json::{Map, Value};

use super::{error::invalid, message::Attribute};

/// A filter policy with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FilterPolicy {
    pattern: FilterPattern,
    is_about_body: bool,
}

/// Values of a policy's keys together at most (SNS developer guide, filter policy constraints).
const COMBINATIONS_MAX: usize = 150;
/// Keys of a policy at most.
const KEYS_MAX: usize = 5;

impl FilterPolicy {
    /// Of attributes that were checked.
    pub(super) fn of(attributes: &BTreeMap<String, String>) -> Option<Self> {
        let text = attributes.get("FilterPolicy").filter(|text| !is_empty(text))?;
        let is_about_body = attributes.get("FilterPolicyScope").is_some_and(|scope| scope == "MessageBody");
        Some(Self { pattern: FilterPattern::parse_as(text, Dialect::Topics).ok()?, is_about_body })
    }

    /// Whether a message passes.
    pub(super) fn lets_through(&self, attributes: &BTreeMap<String, Attribute>, body: &str) -> bool {
        match self.is_about_body {
            // A body that is no JSON object passes no filter.
            true => serde_json::from_str::<Map<String, Value>>(body).is_ok() && self.pattern.matches(body),
            false => self.pattern.matches(&as_json(attributes)),
        }
    }
}

/// An empty object takes a policy away.
fn is_empty(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|policy| policy.is_empty())
}

/// Checks a policy that is to be set.
pub(super) fn check(text: &str, scope: &str) -> Result<(), ApiError> {
    let wrong = |reason: &str| invalid(format!("FilterPolicy: {reason}"));
    if text.is_empty() || is_empty(text) {
        return Ok(());
    }
    let policy: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| wrong("failed to parse JSON."))?;
    if scope != "MessageBody" && policy.values().any(Value::is_object) {
        return Err(wrong("Filter policy scope MessageAttributes does not support nested filter policy"));
    }
    FilterPattern::parse_as(text, Dialect::Topics).map_err(|_| wrong("it is not a valid pattern"))?;

    let sizes = leaves(&Value::Object(policy));
    if sizes.len() > KEYS_MAX {
        return Err(wrong("Filter policy can not have more than 5 keys"));
    }
    match sizes.iter().product::<usize>() > COMBINATIONS_MAX {
        true => Err(wrong("Filter policy is too complex")),
        false => Ok(()),
    }
}

/// How many values each key has.
fn leaves(value: &Value) -> Vec<usize> {
    match value {
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        Value::Array(values) => vec![values.len()],
        _ => Vec::new(),
    }
}

/// Attributes as an object: numbers are numbers, arrays are arrays, and bytes are nothing that could be compared.
fn as_json(attributes: &BTreeMap<String, Attribute>) -> String {
    let values = attributes.iter().filter_map(|(name, attribute)| {
        let text = attribute.text.as_deref()?;
        let value = match attribute.data_type.as_str() {
            "Number" => text.to_owned(),
            "String.Array" if serde_json::from_str::<Value>(text).is_ok() => text.to_owned(),
            _ => Value::from(text).to_string(),
        };
        Some(format!("{}:{value}", Value::from(name.as_str())))
    });
    format!("{{{}}}", values.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(policy: &str, scope: &str, attributes: &[(&str, &str, &str)], body: &str) -> bool {
        check(policy, scope).unwrap();
        let set = [
            ("FilterPolicy".to_owned(), policy.to_owned()),
            ("FilterPolicyScope".to_owned(), scope.to_owned()),
        ];
        let attribute = |(name, data_type, text): &(&str, &str, &str)| {
            let attribute =
                Attribute { data_type: (*data_type).into(), text: Some((*text).into()), bytes: None };
            ((*name).to_owned(), attribute)
        };
        let attributes = attributes.iter().map(attribute).collect();
        FilterPolicy::of(&set.into()).is_none_or(|filter| filter.lets_through(&attributes, body))
    }

    #[test]
    fn attributes_are_what_their_types_say() {
        let on = |policy: &str, attributes: &[(&str, &str, &str)]| {
            passes(policy, "MessageAttributes", attributes, "")
        };
        assert!(on(r#"{"kind": ["order"]}"#, &[("kind", "String", "order")]));
        assert!(!on(r#"{"kind": ["order"]}"#, &[("kind", "String", "other")]));
        assert!(!on(r#"{"kind": ["order"]}"#, &[]));
        assert!(on(r#"{"price": [{"numeric": [">", 5]}]}"#, &[("price", "Number", "6")]));
        assert!(!on(r#"{"price": [{"numeric": [">", 5]}]}"#, &[("price", "String", "6")]));
        assert!(on(r#"{"tags": ["b"]}"#, &[("tags", "String.Array", r#"["a", "b"]"#)]));
        assert!(on(r#"{"kind": [{"exists": false}]}"#, &[]));
        assert!(on("{}", &[]));
    }

    #[test]
    fn bodies_are_objects_with_members() {
        let on = |policy: &str, body: &str| passes(policy, "MessageBody", &[], body);
        assert!(on(r#"{"a": {"b": [1]}}"#, r#"{"a": {"b": 1}}"#));
        assert!(!on(r#"{"a": {"b": [1]}}"#, r#"{"a": {"b": 2}}"#));
        assert!(!on(r#"{"a": [{"exists": false}]}"#, "text"));
    }

    #[test]
    fn policies_are_small_and_right() {
        for (policy, scope) in [
            ("{", "MessageAttributes"),
            (r#"{"a": "b"}"#, "MessageAttributes"),
            (r#"{"a": {"b": ["c"]}}"#, "MessageAttributes"),
            (r#"{"a": [{"longer": 1}]}"#, "MessageBody"),
            (r#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#, "MessageBody"),
        ] {
            assert!(check(policy, scope).is_err(), "{policy}");
        }
    }
}
