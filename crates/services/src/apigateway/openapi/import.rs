//! From a document to what an API is made of.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AUTHTYPE, BINARY, RESPONSES, VALIDATORS, operation, referenced, schemas};
use crate::{
    apigateway::{
        Handled,
        apis::usual,
        checks::Limits,
        error::bad_request,
        parts,
        record::{ApiRecord, Shape, shape, text},
        resources,
    },
    openapi::{self, AUTHORIZER, METHODS},
};

/// How a document is to be read.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What becomes of the path of its server: `ignore`, `prepend`, `split`.
    base_path: String,
    account_id: String,
    longest: i64,
}

impl Settings {
    /// As a request says.
    pub(super) fn of(input: &Shape, limits: Limits<'_>) -> Self {
        let parameters = input.get("parameters").and_then(Value::as_object).into_iter().flatten();
        let mut named = parameters.filter(|(name, _)| name.eq_ignore_ascii_case("basepath"));
        let base_path = named.find_map(|(_, value)| value.as_str()).unwrap_or("ignore").to_lowercase();
        Self { base_path, account_id: limits.account_id.to_owned(), longest: limits.timeout_ms_max }
    }

    /// What integrations are held against.
    pub(super) fn limits(&self) -> Limits<'_> {
        Limits { account_id: &self.account_id, timeout_ms_max: self.longest }
    }
}

/// Who authorizes, by the names of security schemes.
pub(super) enum Scheme {
    /// An authorizer: its id, and the type of authorization that methods have then.
    Authorizer(String, &'static str),
    /// A signature.
    Signature,
    /// An API key.
    ApiKey,
}

/// What a document is read into, and what of it methods need.
pub(super) struct Import<'a> {
    pub document: &'a Value,
    pub settings: &'a Settings,
    pub schemes: BTreeMap<String, Scheme>,
    /// Ids of request validators by their names in the document.
    pub validators: BTreeMap<String, String>,
    pub warnings: Vec<String>,
}

/// The API that a document describes, without its parts.
pub(super) fn api(document: &Value) -> Handled<Shape> {
    let info = &document["info"];
    let title = info["title"].as_str().filter(|title| !title.is_empty());
    let title = title
        .ok_or_else(|| bad_request("Failed to parse the uploaded OpenAPI document: info.title is missing"))?;
    let mut api = shape(json!({"name": title}));
    for member in ["version", "description"] {
        match &info[member] {
            Value::Null => {}
            Value::String(text) => drop(api.insert(member.into(), text.as_str().into())),
            other => drop(api.insert(member.into(), other.to_string().into())),
        }
    }
    for (extension, member) in [
        (BINARY, "binaryMediaTypes"),
        ("x-amazon-apigateway-minimum-compression-size", "minimumCompressionSize"),
        ("x-amazon-apigateway-api-key-source", "apiKeySource"),
    ] {
        if let Some(value) = document.get(extension) {
            api.insert(member.into(), value.clone());
        }
    }
    if let Some(policy) = document.get("x-amazon-apigateway-policy") {
        api.insert("policy".into(), policy.to_string().into());
    }
    let endpoint = &document["x-amazon-apigateway-endpoint-configuration"];
    if let Some(is_disabled) = endpoint["disableExecuteApiEndpoint"].as_bool() {
        api.insert("disableExecuteApiEndpoint".into(), is_disabled.into());
    }
    let tags = openapi::tags(document);
    if !tags.is_empty() {
        api.insert("tags".into(), tags.into());
    }
    Ok(usual(api))
}

/// Takes everything from an API that a document can describe.
pub(super) fn clear(record: &mut ApiRecord) {
    let root = text(&record.api, "rootResourceId").to_owned();
    record.resources.retain(|id, _| *id == root);
    record.resources.values_mut().for_each(|root| drop(root.remove("resourceMethods")));
    record.parts.clear();
    record.add_usual_models();
    for member in ["description", "version", "binaryMediaTypes", "minimumCompressionSize", "policy"] {
        record.api.remove(member);
    }
}

/// Puts the parts of a document into an API: checked, as if each had been made by itself. What is wrong with it and does not keep it from
/// being imported is given.
pub(super) fn import(record: &mut ApiRecord, document: &Value, settings: &Settings) -> Handled<Vec<String>> {
    let mut import = Import {
        document,
        settings,
        schemes: BTreeMap::new(),
        validators: BTreeMap::new(),
        warnings: Vec::new(),
    };
    schemas::import(record, &mut import)?;
    import.validators(record)?;
    import.schemes(record)?;
    for (kind, response) in document[RESPONSES].as_object().into_iter().flatten() {
        let mut response = shape(response.clone());
        if let Some(Value::Number(status)) = response.get("statusCode") {
            let status = status.to_string();
            response.insert("statusCode".into(), status.into());
        }
        response.insert("responseType".into(), kind.as_str().into());
        parts::put_response(record, response)?;
    }
    let prefix = prefix(document, &settings.base_path);
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let resource = resource(record, &format!("{prefix}{path}"))?;
        let item = referenced(document, item);
        for (method, name) in METHODS {
            if let Some(given) = item.get(method) {
                operation::import(record, &mut import, &resource, name, (item, given))?;
            }
        }
    }
    Ok(import.warnings)
}

/// What of the server's path is put in front of paths.
fn prefix(document: &Value, base_path: &str) -> String {
    let server = &document["servers"][0];
    let path = match document["basePath"].as_str() {
        Some(path) => path.to_owned(),
        None => {
            let url = server["url"].as_str().unwrap_or_default();
            let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
            let default = server["variables"]["basePath"]["default"].as_str().unwrap_or_default();
            behind_scheme.split_once('/').map_or("", |(_, path)| path).replace("{basePath}", default)
        }
    };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let kept = match base_path {
        "prepend" => &segments[..],
        // The first segment is the stage's.
        "split" => segments.get(1..).unwrap_or_default(),
        _ => &[],
    };
    kept.iter().map(|segment| format!("/{segment}")).collect()
}

/// The resource of a path; it is made, with those above it, where it is missing.
fn resource(record: &mut ApiRecord, path: &str) -> Handled<String> {
    let mut at = text(&record.api, "rootResourceId").to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let is_it =
            |resource: &&Shape| text(resource, "parentId") == at && text(resource, "pathPart") == part;
        at = match record.resources.values().find(is_it) {
            Some(found) => text(found, "id").to_owned(),
            None => resources::add(record, &at, part)?,
        };
    }
    Ok(at)
}

impl Import<'_> {
    fn validators(&mut self, record: &mut ApiRecord) -> Handled<()> {
        for (name, settings) in self.document[VALIDATORS].as_object().into_iter().flatten() {
            let validator = json!({
                "name": name,
                "validateRequestBody": settings["validateRequestBody"].as_bool().unwrap_or(false),
                "validateRequestParameters": settings["validateRequestParameters"].as_bool().unwrap_or(false),
            });
            let known = record.of("RequestValidator").values().find(|it| text(it, "name") == name).cloned();
            let made = match known {
                Some(mut known) => {
                    known.extend(shape(validator));
                    let id = text(&known, "id").to_owned();
                    record.of_mut("RequestValidator").insert(id, known.clone());
                    known
                }
                None => parts::add(record, &parts::REQUEST_VALIDATOR, shape(validator))?,
            };
            self.validators.insert(name.clone(), text(&made, "id").to_owned());
        }
        Ok(())
    }

    fn schemes(&mut self, record: &mut ApiRecord) -> Handled<()> {
        let document = self.document;
        let old = document["securityDefinitions"].as_object().into_iter().flatten();
        let new = document["components"]["securitySchemes"].as_object().into_iter().flatten();
        for (name, scheme) in old.chain(new) {
            let scheme = referenced(document, scheme);
            let found = if scheme.get(AUTHORIZER).is_some() {
                self.authorizer(record, name, scheme)?
            } else if scheme[AUTHTYPE].as_str().is_some_and(|it| it.eq_ignore_ascii_case("awsSigv4")) {
                Scheme::Signature
            } else if scheme["type"] == "apiKey" {
                Scheme::ApiKey
            } else {
                let kind = scheme["type"].as_str().unwrap_or_default();
                self.warnings
                    .push(format!("Unsupported security definition type '{kind}' for '{name}'. Ignoring."));
                continue;
            };
            self.schemes.insert(name.clone(), found);
        }
        Ok(())
    }

    fn authorizer(&mut self, record: &mut ApiRecord, name: &str, scheme: &Value) -> Handled<Scheme> {
        let mut authorizer = shape(scheme[AUTHORIZER].clone());
        let kind = text(&authorizer, "type").to_uppercase();
        authorizer.insert("type".into(), kind.clone().into());
        authorizer.insert("name".into(), name.into());
        if kind != "REQUEST" {
            let header = scheme["name"].as_str().unwrap_or("Authorization");
            authorizer.entry("identitySource").or_insert(format!("method.request.header.{header}").into());
        }
        if let Some(auth_type) = scheme[AUTHTYPE].as_str() {
            authorizer.insert("authType".into(), auth_type.into());
        }
        let known = record.of("Authorizer").values().find(|it| text(it, "name") == name);
        if let Some(id) = known.map(|it| text(it, "id").to_owned()) {
            record.of_mut("Authorizer").remove(&id);
        }
        let made = parts::add(record, &parts::AUTHORIZER, authorizer)?;
        let authorization = if kind == "COGNITO_USER_POOLS" { "COGNITO_USER_POOLS" } else { "CUSTOM" };
        Ok(Scheme::Authorizer(text(&made, "id").to_owned(), authorization))
    }
}
