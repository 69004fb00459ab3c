//! The event of a REST API's proxy integration, and what its function returns (API Gateway guide, "Lambda proxy integrations in API
//! Gateway"). It looks like payload format version 1.0 without being it: paths and parameters are decoded, the stage is not part of the
//! path, what is binary is what the API says is.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    WebAnswer,
    answer::{self, Malformed},
};

/// What an event tells of a request.
#[derive(Debug, Clone, Copy)]
pub struct RestRequest<'a> {
    /// The path of the resource: `/pets/{id}`.
    pub resource: &'a str,
    /// The path behind the stage, decoded.
    pub path: &'a str,
    /// Such as `GET`.
    pub method: &'a str,
    /// In their order, under the names that the function is to see.
    pub headers: &'a [(String, String)],
    /// Decoded, in their order.
    pub query: &'a [(String, String)],
    /// Decoded.
    pub path_parameters: &'a BTreeMap<String, String>,
    /// Variables of the stage.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// `requestContext`.
    pub context: &'a Value,
}

/// The event of a function behind a method, JSON. A body that is binary, or no text, is base64.
pub fn event(request: RestRequest<'_>, body: &Bytes, is_binary: bool) -> serde_json::Result<Vec<u8>> {
    let text = std::str::from_utf8(body).ok().filter(|_| !is_binary);
    let shown = match text {
        _ if body.is_empty() => None,
        Some(text) => Some(text.to_owned()),
        None => Some(BASE64_STANDARD.encode(body)),
    };
    let is_base64_encoded = !body.is_empty() && text.is_none();
    serde_json::to_vec(&Event { described: described(request), body: shown, is_base64_encoded })
}

/// The event of a function that authorizes, JSON: of the type `REQUEST`, without a body.
pub fn authorizer_event(request: RestRequest<'_>, method_arn: &str) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&AuthorizerEvent { kind: "REQUEST", method_arn, described: described(request) })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(flatten)]
    described: Described<'a>,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    method_arn: &'a str,
    #[serde(flatten)]
    described: Described<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_headers: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    query_string_parameters: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_query_string_parameters: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    path_parameters: Option<&'a BTreeMap<String, String>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: &'a Value,
}

fn described(request: RestRequest<'_>) -> Described<'_> {
    Described {
        resource: request.resource,
        path: request.path,
        http_method: request.method,
        headers: last(request.headers),
        multi_value_headers: all(request.headers),
        query_string_parameters: last(request.query),
        multi_value_query_string_parameters: all(request.query),
        path_parameters: Some(request.path_parameters).filter(|all| !all.is_empty()),
        stage_variables: Some(request.stage_variables).filter(|all| !all.is_empty()),
        request_context: request.context,
    }
}

/// Of several values the last; null without any.
fn last(pairs: &[(String, String)]) -> Option<BTreeMap<&str, &str>> {
    let last: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    (!last.is_empty()).then_some(last)
}

fn all(pairs: &[(String, String)]) -> Option<BTreeMap<&str, Vec<&str>>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    pairs.iter().for_each(|(name, value)| all.entry(name).or_default().push(value));
    (!all.is_empty()).then_some(all)
}

/// What a function may say; anything else, and it is no answer (LocalStack checks so against AWS).
const MEMBERS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// The answer that a response stands for; its body is decoded where the API takes the answer's type for binary, and otherwise goes to the
/// client as base64.
///
/// # Errors
/// See [`Malformed`].
pub fn answer(response: &[u8], is_binary: bool) -> Result<WebAnswer, Malformed> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(response) else {
        return Err(Malformed::NotJson);
    };
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(Malformed::Member);
    }
    members.entry("statusCode").or_insert(200.into());
    let mut answer = answer::head(&members)?;
    if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        answer.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    answer.body = body(&members, is_binary)?;
    Ok(answer)
}

fn body(members: &Map<String, Value>, is_binary: bool) -> Result<Bytes, Malformed> {
    let is_base64 = members.get("isBase64Encoded") == Some(&Value::Bool(true));
    match members.get("body") {
        None | Some(Value::Null) => Ok(Bytes::new()),
        Some(Value::String(text)) if is_base64 && is_binary => {
            BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| Malformed::Body)
        }
        Some(Value::String(text)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(_) => Err(Malformed::Body),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(body: &'static [u8], is_binary: bool) -> Value {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (headers, query) = ([pair("A", "1"), pair("A", "2")], [pair("q", "x y")]);
        let parameters = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
        let request = RestRequest {
            resource: "/pets/{id}",
            path: "/pets/7",
            method: "GET",
            headers: &headers,
            query: &query,
            path_parameters: &parameters,
            stage_variables: &BTreeMap::new(),
            context: &json!({"stage": "s"}),
        };
        serde_json::from_slice(&event(request, &Bytes::from_static(body), is_binary).unwrap()).unwrap()
    }

    #[test]
    fn events_are_those_of_rest_apis() {
        let expected = json!({
            "resource": "/pets/{id}", "path": "/pets/7", "httpMethod": "GET", "headers": {"A": "2"},
            "multiValueHeaders": {"A": ["1", "2"]}, "queryStringParameters": {"q": "x y"},
            "multiValueQueryStringParameters": {"q": ["x y"]}, "pathParameters": {"id": "7"}, "stageVariables": null,
            "requestContext": {"stage": "s"}, "body": null, "isBase64Encoded": false,
        });
        assert_eq!(shown(b"", true), expected);
        assert_eq!(
            (&shown(b"t", false)["body"], &shown(b"t", false)["isBase64Encoded"]),
            (&json!("t"), &json!(false))
        );
        for (body, is_binary, text) in [(&b"t"[..], true, "dA=="), (b"\xff", false, "/w==")] {
            let event = shown(body, is_binary);
            assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(text), &json!(true)));
        }
    }

    #[test]
    fn responses_are_answers_or_malformed() {
        let check = |response: Value, is_binary: bool| answer(response.to_string().as_bytes(), is_binary);
        let whole = check(json!({"statusCode": "201", "headers": {"X": 1}, "body": "b"}), false).unwrap();
        assert_eq!((whole.status, &whole.body[..]), (201, &b"b"[..]));
        assert_eq!(check(json!({}), false).unwrap().status, 200);
        let encoded = json!({"body": "dA==", "isBase64Encoded": true});
        assert_eq!(check(encoded.clone(), true).unwrap().body, "t");
        assert_eq!(check(encoded, false).unwrap().body, "dA==");
        for wrong in [
            json!(null),
            json!("text"),
            json!({"statusCode": "x"}),
            json!({"body": {}}),
            json!({"other": 1}),
            json!({"statusCode": 99}),
        ] {
            assert!(check(wrong.clone(), false).is_err(), "{wrong}");
        }
    }
}
