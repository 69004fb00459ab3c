//! The grammar of an identity-based policy.

use serde_json::{Map, Value};

/// A statement.
pub(super) type Statement = Map<String, Value>;

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// The statements of a document; `None` where the grammar forbids what is written.
pub(super) fn statements(document: &Map<String, Value>) -> Option<Vec<&Statement>> {
    let keys_are_known = document.keys().all(|key| matches!(key.as_str(), "Version" | "Id" | "Statement"));
    let version_is_known =
        document.get("Version").is_none_or(|version| version == "2012-10-17" || version == "2008-10-17");
    let id_is_text = document.get("Id").is_none_or(Value::is_string);
    if !(keys_are_known && version_is_known && id_is_text) {
        return None;
    }
    let statements: Vec<&Statement> = match document.get("Statement")? {
        Value::Object(statement) => vec![statement],
        Value::Array(statements) => statements.iter().map(Value::as_object).collect::<Option<_>>()?,
        _ => return None,
    };
    (!statements.is_empty() && statements.iter().all(|statement| is_statement(statement)))
        .then_some(statements)
}

fn is_statement(statement: &Statement) -> bool {
    let both = |a, b| statement.contains_key(a) && statement.contains_key(b);
    let effect = statement.get("Effect").and_then(Value::as_str);
    effect.is_some_and(|effect| ["allow", "deny"].iter().any(|known| effect.eq_ignore_ascii_case(known)))
        && !both("Action", "NotAction")
        && !both("Resource", "NotResource")
        && statement.iter().all(|(key, value)| match key.as_str() {
            "Effect" => true,
            "Sid" => value.is_string(),
            "Action" | "NotAction" => are_texts(value),
            "Resource" | "NotResource" => are_resources(value),
            "Condition" => value.as_object().is_some_and(is_condition),
            _ => false,
        })
}

fn are_texts(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|values| values.iter().all(Value::is_string))
}

/// A list may have gaps: what generates documents leaves `null` where it knows no ARN yet.
fn are_resources(value: &Value) -> bool {
    let is_resource = |value: &Value| value.is_string() || value.is_null();
    value.is_string() || value.as_array().is_some_and(|values| values.iter().all(is_resource))
}

fn is_condition(condition: &Map<String, Value>) -> bool {
    condition.iter().all(|(name, keys)| {
        // An operator that compares nothing may have any name.
        keys.as_object()
            .is_some_and(|keys| keys.is_empty() || is_operator(name) && keys.values().all(are_scalars))
    })
}

fn are_scalars(value: &Value) -> bool {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    is_scalar(value) || value.as_array().is_some_and(|values| values.iter().all(is_scalar))
}

fn is_operator(name: &str) -> bool {
    let name = name.strip_prefix("ForAllValues:").or(name.strip_prefix("ForAnyValue:")).unwrap_or(name);
    let name = name.strip_suffix("IfExists").filter(|name| *name != "Null").unwrap_or(name);
    OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name))
}
