//! Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, `${*}`, `${?}`, `${$}`.

use super::{
    AuthorizationRequest,
    wildcard::{LITERAL_QUESTION, LITERAL_STAR},
};

/// The text with its variables replaced. `None` when one has no value and no default: such an element matches nothing.
///
/// What comes out of a variable stands for itself: wildcards in it are none.
pub(super) fn replaced(text: &str, request: &AuthorizationRequest) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        result.push_str(&rest[..start]);
        result.push_str(&value(&rest[start + 2..start + length], request)?);
        rest = &rest[start + length + 1..];
    }
    result.push_str(rest);
    Some(result)
}

fn value(variable: &str, request: &AuthorizationRequest) -> Option<String> {
    match variable {
        "*" => return Some(LITERAL_STAR.into()),
        "?" => return Some(LITERAL_QUESTION.into()),
        "$" => return Some("$".into()),
        _ => {}
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\''))),
        None => (variable, None),
    };
    // One with several values has none here.
    let values = request.values(key.trim()).filter(|values| values.len() == 1);
    let found = values.and_then(|mut values| values.pop()).or_else(|| default.map(str::to_owned))?;
    Some(found.replace('*', &LITERAL_STAR.to_string()).replace('?', &LITERAL_QUESTION.to_string()))
}
