//! Patch operations (RFC 6902 as far as API Gateway has it): every value is a text, and its place decides what it is.

use serde_json::{Value, json};

use super::{Handled, error::bad_request, record::Shape};

const BOOLEANS: [&str; 12] = [
    "apiKeyRequired",
    "validateRequestBody",
    "validateRequestParameters",
    "tracingEnabled",
    "cacheClusterEnabled",
    "enabled",
    "disableExecuteApiEndpoint",
    "metricsEnabled",
    "dataTraceEnabled",
    "cachingEnabled",
    "cacheDataEncrypted",
    "insecureSkipVerification",
];
const NUMBERS: [&str; 6] = [
    "timeoutInMillis",
    "authorizerResultTtlInSeconds",
    "minimumCompressionSize",
    "throttlingBurstLimit",
    "throttlingRateLimit",
    "cacheTtlInSeconds",
];
const LISTS: [&str; 8] = [
    "features",
    "binaryMediaTypes",
    "providerARNs",
    "types",
    "vpcEndpointIds",
    "authorizationScopes",
    "cacheKeyParameters",
    "stages",
];
/// Whose entries say whether something is needed.
const MAPS_OF_BOOLEANS: [&str; 2] = ["method.request.", "method.response."];

/// A patch operation.
pub(super) struct Operation {
    pub op: String,
    /// The path in its parts, with `~1` and `~0` undone.
    pub path: Vec<String>,
    pub value: Option<String>,
    written: String,
}

/// The operations of a request.
pub(super) fn operations(input: &Shape) -> Handled<Vec<Operation>> {
    let all = input.get("patchOperations").and_then(Value::as_array).into_iter().flatten();
    all.map(|operation| {
        let text = |member: &str| operation[member].as_str().unwrap_or_default().to_owned();
        let written = text("path");
        let Some(path) = written.strip_prefix('/') else {
            return Err(bad_request(format!("Invalid patch path {written}")));
        };
        let path = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        let value = operation["value"].as_str().map(str::to_owned);
        Ok(Operation { op: text("op"), path, value, written })
    })
    .collect()
}

/// Applies operations to a structure; only members that are named may change.
pub(super) fn apply(shape: &mut Shape, operations: &[Operation], members: &[&str]) -> Handled<()> {
    for operation in operations {
        let first = operation.path.first().map_or("", String::as_str);
        if !members.contains(&first) {
            return Err(operation.wrong(members));
        }
        one(shape, operation)?;
    }
    Ok(())
}

impl Operation {
    /// The error for a path that cannot be changed.
    pub(super) fn wrong(&self, members: &[&str]) -> aws_api::error_response::ApiError {
        let allowed: Vec<String> = members.iter().map(|member| format!("/{member}")).collect();
        bad_request(format!(
            "Invalid patch path  '{}' specified for op '{}'. Must be one of: [{}]",
            self.written,
            self.op,
            allowed.join(", ")
        ))
    }

    fn wrong_op(&self) -> aws_api::error_response::ApiError {
        bad_request(format!("Invalid patch operation '{}' specified for path '{}'", self.op, self.written))
    }

    /// What the operation sets.
    pub(super) fn value(&self) -> Handled<&str> {
        self.value
            .as_deref()
            .ok_or_else(|| bad_request(format!("Invalid null or empty value in {}", self.written)))
    }
}

fn one(shape: &mut Shape, operation: &Operation) -> Handled<()> {
    let Some((last, parents)) = operation.path.split_last() else { return Err(operation.wrong(&[])) };
    // `/binaryMediaTypes/image~1png`: what is in a list is named by itself.
    if let Some(list) = parents.last().filter(|parent| LISTS.contains(&parent.as_str())) {
        let holder = descend(shape, &parents[..parents.len() - 1]).ok_or_else(|| operation.wrong_op())?;
        return in_list(holder.entry(list.clone()).or_insert(json!([])), last, operation);
    }
    let holder = descend(shape, parents).ok_or_else(|| operation.wrong_op())?;
    match operation.op.as_str() {
        "add" | "replace" if LISTS.contains(&last.as_str()) => {
            let given = operation.value()?.to_owned();
            let list = holder.entry(last.clone()).or_insert(json!([]));
            if operation.op == "replace" {
                *list = json!(given.split(',').filter(|one| !one.is_empty()).collect::<Vec<_>>());
                return Ok(());
            }
            in_list(list, &given, operation)
        }
        // How answers are told to be packed no longer (API Gateway guide, "Enable compression").
        "replace"
            if last == "minimumCompressionSize" && operation.value.as_deref().is_none_or(str::is_empty) =>
        {
            holder.remove(last);
            Ok(())
        }
        "add" | "replace" => {
            let value = typed(last, operation)?;
            holder.insert(last.clone(), value);
            Ok(())
        }
        "remove" if LISTS.contains(&last.as_str()) && operation.value.is_some() => {
            let given = operation.value()?.to_owned();
            in_list(holder.entry(last.clone()).or_insert(json!([])), &given, operation)
        }
        "remove" => {
            holder.remove(last);
            Ok(())
        }
        _ => Err(operation.wrong_op()),
    }
}

/// The structure that parts of a path lead to; it is made where it is missing.
fn descend<'a>(shape: &'a mut Shape, parts: &[String]) -> Option<&'a mut Shape> {
    let mut at = shape;
    for part in parts {
        at = at.entry(part.clone()).or_insert(json!({})).as_object_mut()?;
    }
    Some(at)
}

fn in_list(list: &mut Value, given: &str, operation: &Operation) -> Handled<()> {
    let Value::Array(items) = list else { return Err(operation.wrong_op()) };
    let place = items.iter().position(|item| item == given);
    match (operation.op.as_str(), place) {
        ("add", None) => items.push(given.into()),
        ("add", Some(_)) => {}
        ("remove", Some(place)) => drop(items.remove(place)),
        ("remove", None) => {}
        ("replace", Some(place)) => items[place] = operation.value()?.into(),
        // `/types/EDGE`: of the only one, whichever it is.
        ("replace", None) if items.len() <= 1 => *items = vec![operation.value()?.into()],
        _ => return Err(operation.wrong_op()),
    }
    Ok(())
}

fn typed(member: &str, operation: &Operation) -> Handled<Value> {
    let is_flag = MAPS_OF_BOOLEANS.iter().any(|start| member.starts_with(start));
    let text = operation.value.as_deref().unwrap_or_default();
    if BOOLEANS.contains(&member)
        || (is_flag && matches!(text.to_ascii_lowercase().as_str(), "true" | "false"))
    {
        return match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(bad_request(format!("Invalid boolean value '{text}' for {}", operation.written))),
        };
    }
    if NUMBERS.contains(&member) {
        let whole = text.parse::<i64>().map(Value::from);
        let number = whole.or_else(|_| text.parse::<f64>().map(Value::from));
        return number
            .map_err(|_| bad_request(format!("Invalid number value '{text}' for {}", operation.written)));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apigateway::record::shape;

    fn patched(before: Value, operations_of: Value) -> Result<Value, String> {
        let mut before = shape(before);
        let input = shape(json!({"patchOperations": operations_of}));
        let done = operations(&input).and_then(|all| {
            apply(
                &mut before,
                &all,
                &[
                    "a",
                    "binaryMediaTypes",
                    "requestTemplates",
                    "apiKeyRequired",
                    "timeoutInMillis",
                    "endpointConfiguration",
                    "requestParameters",
                ],
            )
        });
        done.map(|()| Value::Object(before)).map_err(|error| error.message)
    }

    #[test]
    fn members_entries_and_items_change() {
        let before =
            json!({"a": "x", "binaryMediaTypes": ["image/png"], "requestTemplates": {"text/plain": "t"}});
        let after = patched(
            before,
            json!([
                {"op": "replace", "path": "/a", "value": "y"},
                {"op": "add", "path": "/binaryMediaTypes/image~1gif"},
                {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
                {"op": "replace", "path": "/requestTemplates/application~1json", "value": "{}"},
                {"op": "remove", "path": "/requestTemplates/text~1plain"},
                {"op": "replace", "path": "/apiKeyRequired", "value": "true"},
                {"op": "replace", "path": "/timeoutInMillis", "value": "1000"},
                {"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "REGIONAL"},
                {"op": "add", "path": "/requestParameters/method.request.header.X", "value": "false"},
            ]),
        );
        let expected = json!({
            "a": "y", "binaryMediaTypes": ["image/gif"], "requestTemplates": {"application/json": "{}"},
            "apiKeyRequired": true, "timeoutInMillis": 1000, "endpointConfiguration": {"types": ["REGIONAL"]},
            "requestParameters": {"method.request.header.X": false},
        });
        assert_eq!(after.unwrap(), expected);
    }

    #[test]
    fn what_cannot_change_is_said() {
        for (operation, expected) in [
            (json!({"op": "replace", "path": "/id", "value": "y"}), "Invalid patch path  '/id'"),
            (json!({"op": "replace", "path": "id", "value": "y"}), "Invalid patch path id"),
            (json!({"op": "move", "path": "/a"}), "Invalid patch operation 'move'"),
            (json!({"op": "replace", "path": "/apiKeyRequired", "value": "maybe"}), "Invalid boolean value"),
            (json!({"op": "replace", "path": "/timeoutInMillis", "value": "x"}), "Invalid number value"),
        ] {
            let error = patched(json!({"a": "x"}), json!([operation])).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
