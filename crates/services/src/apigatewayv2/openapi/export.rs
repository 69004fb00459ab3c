//! From an API to a document.

use serde_json::{Map, Value, json};

use super::CORS;
use crate::{
    apigatewayv2::record::{ApiRecord, Shape, Snapshot, text},
    openapi::{AUTHORIZER, INTEGRATION, METHODS},
};

/// Members of an integration under their names in documents.
const OF_INTEGRATION: [(&str, &str); 9] = [
    ("IntegrationMethod", "httpMethod"),
    ("IntegrationUri", "uri"),
    ("CredentialsArn", "credentials"),
    ("PayloadFormatVersion", "payloadFormatVersion"),
    ("TimeoutInMillis", "timeoutInMillis"),
    ("ConnectionType", "connectionType"),
    ("RequestParameters", "requestParameters"),
    ("ResponseParameters", "responseParameters"),
    ("Description", "description"),
];

/// The document, with what is API Gateway's own or without.
pub(super) fn document(record: &ApiRecord, snapshot: &Snapshot, has_extensions: bool) -> Value {
    let mut paths = Map::new();
    for route in snapshot.routes.values() {
        let key = text(route, "RouteKey");
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", "/$default"));
        let name = METHODS.iter().find(|(_, shown)| *shown == method).map_or("", |(name, _)| name);
        if !has_extensions && name.starts_with("x-") {
            continue;
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[name] = operation(route, snapshot, path, has_extensions);
    }
    let mut document = json!({
        "openapi": "3.0.1",
        "info": {"title": record.text("Name"), "version": match record.text("Version") { "" => "1.0", version => version }},
        "paths": paths,
    });
    if !record.text("Description").is_empty() {
        document["info"]["description"] = record.text("Description").into();
    }
    let schemes = schemes(snapshot, has_extensions);
    if !schemes.is_empty() {
        document["components"] = json!({"securitySchemes": schemes});
    }
    if has_extensions {
        document["x-amazon-apigateway-importexport-version"] = "1.0".into();
        if let Some(settings) = snapshot.cors.as_ref() {
            document[CORS] = written(settings);
        }
    }
    document
}

fn operation(route: &Shape, snapshot: &Snapshot, path: &str, has_extensions: bool) -> Value {
    let mut operation = json!({"responses": {"default": {"description": format!("Default response for {} {path}", text(route, "RouteKey").split(' ').next().unwrap_or_default())}}});
    let name = text(route, "OperationName");
    if !name.is_empty() {
        operation["operationId"] = name.into();
    }
    let parameters: Vec<Value> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let name = name.trim_end_matches('+');
            json!({"name": name, "in": "path", "description": "Generated path parameter", "required": true, "schema": {"type": "string"}})
        })
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(authorizer) = snapshot.authorizers.get(text(route, "AuthorizerId")) {
        let scopes = route.get("AuthorizationScopes").cloned().unwrap_or_else(|| json!([]));
        operation["security"] = json!([{text(authorizer, "Name"): scopes}]);
    }
    let integration =
        text(route, "Target").strip_prefix("integrations/").and_then(|id| snapshot.integrations.get(id));
    if let Some(integration) = integration.filter(|_| has_extensions) {
        let found =
            OF_INTEGRATION.iter().filter_map(|(member, name)| Some((*name, integration.get(*member)?)));
        let mut shown: Map<String, Value> =
            found.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        shown.insert("type".into(), text(integration, "IntegrationType").to_lowercase().into());
        operation[INTEGRATION] = shown.into();
    }
    operation
}

fn schemes(snapshot: &Snapshot, has_extensions: bool) -> Map<String, Value> {
    let shown = |authorizer: &Shape| {
        let is_jwt = text(authorizer, "AuthorizerType") == "JWT";
        let mut scheme = match is_jwt {
            true => json!({"type": "oauth2", "flows": {}}),
            false => json!({"type": "apiKey", "name": "Unused", "in": "header"}),
        };
        if has_extensions {
            let sources = authorizer.get("IdentitySource").and_then(Value::as_array).into_iter().flatten();
            let sources: Vec<&str> = sources.filter_map(Value::as_str).collect();
            let mut settings =
                json!({"type": if is_jwt { "jwt" } else { "request" }, "identitySource": sources.join(",")});
            for member in [
                "AuthorizerUri",
                "AuthorizerPayloadFormatVersion",
                "AuthorizerResultTtlInSeconds",
                "EnableSimpleResponses",
                "JwtConfiguration",
            ] {
                if let Some(value) = authorizer.get(member) {
                    settings[small(member)] = written(value);
                }
            }
            scheme[AUTHORIZER] = settings;
        }
        (text(authorizer, "Name").to_owned(), scheme)
    };
    snapshot.authorizers.values().map(shown).collect()
}

/// Members under their names in documents.
fn written(value: &Value) -> Value {
    match value {
        Value::Object(inner) => {
            inner.iter().map(|(name, value)| (small(name), written(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}
