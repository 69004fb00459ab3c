//! `POST /extension/register`.

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::HeaderValue,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Extensions, IDENTIFIER, Refusal};
use crate::environment_api::{
    answers,
    body::{self, Received},
};

const NAME: &str = "lambda-extension-name";
const ACCEPTED_FEATURES: &str = "lambda-extension-accept-feature";

/// Registers the caller.
pub(super) async fn handle(request: Request<Incoming>, extensions: &Extensions) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let Received::Complete(body) = body::receive(body).await else {
        return Refusal::new("InvalidRequestFormat", "unexpected end of JSON input").answer();
    };
    match register(&parts.headers, &body, extensions) {
        Ok(id) => registered(id, &parts.headers, extensions),
        Err(refusal) => refusal.answer(),
    }
}

fn register(headers: &HeaderMap, body: &[u8], extensions: &Extensions) -> Result<Uuid, Refusal> {
    let name = headers.get(NAME).and_then(|name| std::str::from_utf8(name.as_bytes()).ok());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Refusal::new("Extension.InvalidExtensionName", "Empty extension name"));
    };
    extensions.register(name, &events(body)?)
}

/// The events that the caller wants.
fn events(body: &[u8]) -> Result<Vec<String>, Refusal> {
    let invalid = |text: String| Refusal::new("InvalidRequestFormat", text);
    let request: Value = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    if !request.is_object() {
        return Err(invalid("the request is not a JSON object".into()));
    }
    let has_keys = request.get("configurationKeys").and_then(Value::as_array).is_some_and(|k| !k.is_empty());
    if has_keys {
        return Err(invalid("configurationKeys are deprecated; use environment variables instead".into()));
    }
    match request.get("events") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(events) => serde_json::from_value(events.clone()).map_err(|error| invalid(error.to_string())),
    }
}

fn registered(id: Uuid, headers: &HeaderMap, extensions: &Extensions) -> Response<Full<Bytes>> {
    let function = extensions.function.get().cloned().unwrap_or_default();
    let mut body = json!({
        "functionName": function.name,
        "functionVersion": function.version,
        "handler": function.handler,
    });
    let features = headers.get(ACCEPTED_FEATURES).and_then(|features| features.to_str().ok());
    if features.unwrap_or_default().split(',').any(|feature| feature.trim() == "accountId") {
        body["accountId"] = json!(function.account_id);
    }
    let mut answer = answers::json(StatusCode::OK, &body);
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        answer.headers_mut().insert(IDENTIFIER, id);
    }
    answer
}
