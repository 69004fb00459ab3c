//! Trust policies of roles: whom they let assume the role.

use serde_json::{Map, Value};

use super::{Handled, malformed, texts};

/// Whether a document can be the trust policy of a role.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub(crate) fn check(text: &str) -> Handled<()> {
    let document: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    if !document.keys().all(|key| matches!(key.as_str(), "Version" | "Id" | "Statement")) {
        return Err(malformed("Syntax errors in policy."));
    }
    let statements = statements(&document);
    if statements.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    statements.into_iter().try_for_each(check_statement)
}

fn check_statement(statement: Option<&Map<String, Value>>) -> Handled<()> {
    let Some(statement) = statement else { return Err(malformed("Syntax errors in policy.")) };
    for prohibited in ["Resource", "NotResource"] {
        if statement.contains_key(prohibited) {
            return Err(malformed(format!("Has prohibited field {prohibited}.")));
        }
    }
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(malformed("Missing required field Effect"));
    }
    if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
        return Err(malformed("Missing required field Principal"));
    }
    let actions = texts(statement.get("Action").or_else(|| statement.get("NotAction")));
    if actions.is_empty() {
        return Err(malformed("Missing required field Action"));
    }
    if !actions.iter().all(|action| *action == "*" || action.to_ascii_lowercase().starts_with("sts:")) {
        return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
    }
    Ok(())
}

/// Whether a trust policy lets a service, such as `lambda.amazonaws.com`, assume the role. Conditions are not looked at: whoever
/// wrote them for a service wrote them for requests of that service.
pub(crate) fn trusts(text: &str, service: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Map<String, Value>>(text) else { return false };
    let statements: Vec<&Map<String, Value>> = statements(&document).into_iter().flatten().collect();
    let is = |statement: &Map<String, Value>, effect: &str| {
        statement.get("Effect").and_then(Value::as_str) == Some(effect)
            && names_service(statement.get("Principal"), service)
            && texts(statement.get("Action")).iter().any(|action| {
                ["sts:assumerole", "sts:*", "*"].iter().any(|known| action.eq_ignore_ascii_case(known))
            })
    };
    statements.iter().any(|statement| is(statement, "Allow"))
        && !statements.iter().any(|statement| is(statement, "Deny"))
}

fn names_service(principal: Option<&Value>, service: &str) -> bool {
    match principal {
        Some(Value::String(everyone)) => everyone == "*",
        Some(Value::Object(kinds)) => {
            texts(kinds.get("Service")).iter().any(|named| *named == service || *named == "*")
        }
        _ => false,
    }
}

fn statements(document: &Map<String, Value>) -> Vec<Option<&Map<String, Value>>> {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().map(Value::as_object).collect(),
        Some(statement) => vec![statement.as_object()],
        None => Vec::new(),
    }
}
