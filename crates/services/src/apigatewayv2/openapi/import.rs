//! From a document to what an API is made of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::CORS;
use crate::{
    apigatewayv2::{
        Handled,
        error::bad_request,
        record::{Shape, new_id},
    },
    openapi::{self, AUTHORIZER, INTEGRATION, METHODS},
};

/// What a document says.
#[derive(Debug, Clone, Default)]
pub(super) struct Imported {
    pub api: Shape,
    pub authorizers: BTreeMap<String, Shape>,
    pub integrations: BTreeMap<String, Shape>,
    pub routes: BTreeMap<String, Shape>,
    pub warnings: Vec<String>,
}

/// Names of members in documents that are others in the model, beside their first letter.
const RENAMED: [(&str, &str); 5] = [
    ("httpMethod", "IntegrationMethod"),
    ("uri", "IntegrationUri"),
    ("type", "IntegrationType"),
    ("credentials", "CredentialsArn"),
    ("authorizerCredentials", "AuthorizerCredentialsArn"),
];
/// What an integration of a document may have.
const OF_INTEGRATION: [&str; 11] = [
    "httpMethod",
    "uri",
    "type",
    "credentials",
    "payloadFormatVersion",
    "timeoutInMillis",
    "connectionType",
    "connectionId",
    "description",
    "integrationSubtype",
    "tlsConfig",
];
const OF_AUTHORIZER: [&str; 6] = [
    "authorizerUri",
    "authorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds",
    "enableSimpleResponses",
    "authorizerCredentials",
    "jwtConfiguration",
];
const OF_CORS: [&str; 6] =
    ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials"];

/// Reads a document. `base_path` says what becomes of the path of its first server: `ignore`, `prepend`, `split`.
///
/// # Errors
/// When it is no document of OpenAPI 3, or something in it cannot be.
pub(super) fn import(document: &Value, base_path: &str) -> Handled<Imported> {
    if !document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")) {
        return Err(bad_request(
            "Unable to parse API definition: only OpenAPI 3.0 is supported for HTTP APIs",
        ));
    }
    let mut imported = Imported { api: api(document)?, ..Imported::default() };
    let names = imported.authorizers(document)?;
    let prefix = prefix(document, base_path);
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, shown) in METHODS {
            if let Some(operation) = item.get(method) {
                let key = route_key(shown, &format!("{prefix}{path}"), path);
                imported.route(document, key, operation, &names)?;
                let place = format!("paths.'{path}'({method})");
                missing_references(document, operation, &place, &mut imported.warnings);
            }
        }
    }
    Ok(imported)
}

fn api(document: &Value) -> Handled<Shape> {
    let info = &document["info"];
    let title = info["title"].as_str().filter(|title| !title.is_empty());
    let mut api = Shape::new();
    api.insert("ProtocolType".into(), "HTTP".into());
    api.insert(
        "Name".into(),
        title.ok_or_else(|| bad_request("Unable to parse API definition: info.title is missing"))?.into(),
    );
    for (member, name) in [("version", "Version"), ("description", "Description")] {
        match &info[member] {
            Value::Null => {}
            Value::String(text) => drop(api.insert(name.into(), text.as_str().into())),
            // YAML takes `2.0` for a number.
            other => drop(api.insert(name.into(), number_text(other).into())),
        }
    }
    if let Some(settings) = document.get(CORS) {
        api.insert("CorsConfiguration".into(), members(settings, &OF_CORS).into());
    }
    let tags = openapi::tags(document);
    if !tags.is_empty() {
        api.insert("Tags".into(), tags.into());
    }
    Ok(api)
}

/// A number as somebody would have written it: `2.0` stays `2.0`.
fn number_text(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 => format!("{number:.1}"),
        _ => value.to_string(),
    }
}

/// What of the first server's path is put in front of paths.
fn prefix(document: &Value, base_path: &str) -> String {
    let url = document["servers"][0]["url"].as_str().unwrap_or_default();
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let default = document["servers"][0]["variables"]["basePath"]["default"].as_str().unwrap_or_default();
    let path = behind_scheme.split_once('/').map_or("", |(_, path)| path).replace("{basePath}", default);
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let kept = match base_path {
        "prepend" => &segments[..],
        // The first segment is the stage's.
        "split" => segments.get(1..).unwrap_or_default(),
        _ => &[],
    };
    kept.iter().map(|segment| format!("/{segment}")).collect()
}

fn route_key(method: &str, path: &str, written: &str) -> String {
    match written {
        "/$default" => "$default".to_owned(),
        _ => format!("{method} {path}"),
    }
}

impl Imported {
    /// Reads the security schemes that authorize; the ids by their names.
    fn authorizers(&mut self, document: &Value) -> Handled<BTreeMap<String, (String, String)>> {
        let mut names = BTreeMap::new();
        for (name, scheme) in document["components"]["securitySchemes"].as_object().into_iter().flatten() {
            let Some(settings) = scheme.get(AUTHORIZER) else { continue };
            let mut authorizer = members(settings, &OF_AUTHORIZER);
            let (kind, authorization) = match settings["type"].as_str().unwrap_or_default() {
                "jwt" => ("JWT", "JWT"),
                "request" => ("REQUEST", "CUSTOM"),
                other => {
                    return Err(bad_request(format!(
                        "Unable to import authorizer {name}: type {other} is unknown"
                    )));
                }
            };
            authorizer.insert("AuthorizerType".into(), kind.into());
            authorizer.insert("Name".into(), name.as_str().into());
            let sources = settings["identitySource"].as_str().unwrap_or("$request.header.Authorization");
            let sources: Vec<&str> = sources.split(',').map(str::trim).collect();
            authorizer.insert("IdentitySource".into(), json!(sources));
            let id = new_id(6);
            names.insert(name.clone(), (id.clone(), authorization.to_owned()));
            self.authorizers.insert(id, authorizer);
        }
        Ok(names)
    }

    fn route(
        &mut self,
        document: &Value,
        key: String,
        operation: &Value,
        authorizers: &BTreeMap<String, (String, String)>,
    ) -> Handled<()> {
        let mut route = Shape::new();
        route.insert("RouteKey".into(), key.clone().into());
        route.insert("AuthorizationScopes".into(), json!([]));
        route.insert("RequestParameters".into(), json!({}));
        if let Some(name) = operation["operationId"].as_str() {
            route.insert("OperationName".into(), name.into());
        }
        let asked = operation["security"].as_array().and_then(|all| all.first()).and_then(Value::as_object);
        if let Some((name, scopes)) = asked.and_then(|all| all.iter().next()) {
            match authorizers.get(name) {
                Some((id, authorization)) => {
                    route.insert("AuthorizationType".into(), authorization.as_str().into());
                    route.insert("AuthorizerId".into(), id.as_str().into());
                    route.insert("AuthorizationScopes".into(), scopes.clone());
                }
                None => self
                    .warnings
                    .push(format!("Security scheme {name} of {key} is no authorizer, and is left out")),
            }
        }
        if let Some(settings) = operation.get(INTEGRATION) {
            let settings = referenced(document, settings);
            let mut integration = members(settings, &OF_INTEGRATION);
            let kind = settings["type"].as_str().unwrap_or_default().to_uppercase();
            integration.insert("IntegrationType".into(), kind.into());
            for (member, name) in
                [("requestParameters", "RequestParameters"), ("responseParameters", "ResponseParameters")]
            {
                if let Some(parameters) = settings.get(member) {
                    integration.insert(name.into(), parameters.clone());
                }
            }
            let id = new_id(7);
            route.insert("Target".into(), format!("integrations/{id}").into());
            self.integrations.insert(id, integration);
        }
        self.routes.insert(new_id(7), route);
        Ok(())
    }
}

/// Some members of an object under their names in the model; nested ones too.
fn members(object: &Value, names: &[&str]) -> Shape {
    let found = names.iter().filter_map(|name| Some((*name, object.get(name)?)));
    found.map(|(name, value)| (model_name(name), model_value(value))).collect()
}

fn model_name(name: &str) -> String {
    if let Some((_, renamed)) = RENAMED.iter().find(|(written, _)| *written == name) {
        return (*renamed).to_owned();
    }
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn model_value(value: &Value) -> Value {
    match value {
        Value::Object(inner) => inner
            .iter()
            .map(|(name, value)| (model_name(name), model_value(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// What a reference into the document stands for, or the value itself.
fn referenced<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointed = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointed.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// References into the document that lead nowhere.
fn missing_references(document: &Value, value: &Value, place: &str, warnings: &mut Vec<String>) {
    match value {
        Value::Object(inner) => {
            if let Some(reference) = inner.get("$ref").and_then(Value::as_str)
                && let Some(pointer) = reference.strip_prefix('#')
                && document.pointer(pointer).is_none()
            {
                warnings.push(format!("Parse issue: attribute {place}.{reference} is missing"));
            }
            for (name, value) in inner {
                // AWS does not tell which content it is.
                let is_media_type = name.contains('/');
                let inner_place = if is_media_type { place.to_owned() } else { format!("{place}.{name}") };
                missing_references(document, value, &inner_place, warnings);
            }
        }
        Value::Array(values) => {
            values.iter().for_each(|value| missing_references(document, value, place, warnings))
        }
        _ => {}
    }
}
