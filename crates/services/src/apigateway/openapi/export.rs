//! From a deployment to a document.

use serde_json::{Map, Value, json};

use super::{AUTHTYPE, BINARY, RESPONSES, VALIDATOR, VALIDATORS, schemas};
use crate::{
    apigateway::record::{Shape, Snapshot, methods_of, text},
    openapi::{AUTHORIZER, INTEGRATION, METHODS},
};

/// Where an API is.
pub(super) struct Place {
    pub host: String,
    pub stage: String,
}

/// A document in the making.
pub(super) struct Exporter<'a> {
    pub snapshot: &'a Snapshot,
    /// Whether it is one of Swagger 2, and not of OpenAPI 3.
    pub is_swagger: bool,
    /// What is API Gateway's own and wanted: `integrations`, `authorizers`, or `apigateway` for all of it.
    pub extensions: &'a str,
}

/// Members of an integration that documents do not have, or have elsewhere.
const NOT_WRITTEN: [&str; 4] =
    ["integrationResponses", "cacheNamespace", "cacheKeyParameters", "responseTransferMode"];

impl Exporter<'_> {
    fn wants(&self, extension: &str) -> bool {
        self.extensions.split(',').any(|it| it == "apigateway" || it == extension)
    }

    /// The document.
    pub(super) fn document(&self, place: &Place) -> Value {
        let api = &self.snapshot.api;
        let version = match text(api, "version") {
            "" => "1.0",
            version => version,
        };
        let mut document =
            json!({"info": {"title": text(api, "name"), "version": version}, "paths": self.paths()});
        if !text(api, "description").is_empty() {
            document["info"]["description"] = text(api, "description").into();
        }
        let definitions = schemas::exported(self.snapshot.of("Model"), self.is_swagger);
        let schemes = self.schemes();
        if self.is_swagger {
            document["swagger"] = "2.0".into();
            document["host"] = place.host.as_str().into();
            document["basePath"] = format!("/{}", place.stage).into();
            document["schemes"] = json!(["https"]);
            document["definitions"] = definitions.into();
            document["securityDefinitions"] = schemes.into();
        } else {
            document["openapi"] = "3.0.1".into();
            document["servers"] = json!([{
                "url": format!("https://{}/{{basePath}}", place.host),
                "variables": {"basePath": {"default": place.stage}},
            }]);
            document["components"] = json!({"schemas": definitions, "securitySchemes": schemes});
        }
        if self.wants("apigateway") {
            self.extend(&mut document);
        }
        document
    }

    fn extend(&self, document: &mut Value) {
        let api = &self.snapshot.api;
        if let Some(types) = api.get("binaryMediaTypes") {
            document[BINARY] = types.clone();
        }
        if let Some(size) = api.get("minimumCompressionSize") {
            document["x-amazon-apigateway-minimum-compression-size"] = size.clone();
        }
        if let Ok(policy) = serde_json::from_str::<Value>(text(api, "policy")) {
            document["x-amazon-apigateway-policy"] = policy;
        }
        let validators = self.snapshot.of("RequestValidator").values().map(|it| {
            let settings = json!({
                "validateRequestBody": it.get("validateRequestBody"),
                "validateRequestParameters": it.get("validateRequestParameters"),
            });
            (text(it, "name").to_owned(), settings)
        });
        let validators: Map<String, Value> = validators.collect();
        if !validators.is_empty() {
            document[VALIDATORS] = validators.into();
        }
        let responses = self.snapshot.of("GatewayResponse").iter().map(|(kind, it)| {
            let mut response = it.clone();
            ["responseType", "defaultResponse"].iter().for_each(|member| drop(response.remove(*member)));
            (kind.clone(), Value::Object(response))
        });
        let responses: Map<String, Value> = responses.collect();
        if !responses.is_empty() {
            document[RESPONSES] = responses.into();
        }
    }

    fn paths(&self) -> Map<String, Value> {
        let mut paths = Map::new();
        for (path, name, method) in methods_of(&self.snapshot.resources) {
            let Some((written, _)) = METHODS.iter().find(|(_, known)| known == name) else { continue };
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[*written] = self.operation(method);
        }
        paths
    }

    fn operation(&self, method: &Shape) -> Value {
        let mut operation =
            json!({"parameters": self.parameters(method), "responses": self.responses(method)});
        if !text(method, "operationName").is_empty() {
            operation["operationId"] = text(method, "operationName").into();
        }
        self.bodies(method, &mut operation);
        let security = self.security(method);
        if !security.is_empty() {
            operation["security"] = security.into();
        }
        let validator = self.snapshot.of("RequestValidator").get(text(method, "requestValidatorId"));
        if let Some(validator) = validator.filter(|_| self.wants("apigateway")) {
            operation[VALIDATOR] = text(validator, "name").into();
        }
        if let Some(Value::Object(integration)) =
            method.get("methodIntegration").filter(|_| self.wants("integrations"))
        {
            operation[INTEGRATION] = written(integration);
        }
        for empty in ["parameters", "responses"] {
            let is_empty = operation[empty].as_array().is_some_and(Vec::is_empty);
            if let Value::Object(members) = &mut operation
                && is_empty
            {
                members.remove(empty);
            }
        }
        operation
    }

    fn parameters(&self, method: &Shape) -> Vec<Value> {
        let all = method.get("requestParameters").and_then(Value::as_object).into_iter().flatten();
        let one = |(name, is_required): (&String, &Value)| {
            let (kind, name) = name.strip_prefix("method.request.")?.split_once('.')?;
            let kind = if kind == "querystring" { "query" } else { kind };
            let mut parameter = json!({"name": name, "in": kind, "required": kind == "path" || is_required == &Value::Bool(true)});
            match self.is_swagger {
                true => parameter["type"] = "string".into(),
                false => parameter["schema"] = json!({"type": "string"}),
            }
            Some(parameter)
        };
        all.filter_map(one).collect()
    }

    fn reference(&self, model: &Value) -> Value {
        json!({"$ref": schemas::place_of(model.as_str().unwrap_or_default(), self.is_swagger)})
    }

    fn bodies(&self, method: &Shape, operation: &mut Value) {
        let models: Vec<_> =
            method.get("requestModels").and_then(Value::as_object).into_iter().flatten().collect();
        if models.is_empty() {
            return;
        }
        if !self.is_swagger {
            let content = models
                .iter()
                .map(|(kind, model)| ((*kind).clone(), json!({"schema": self.reference(model)})));
            operation["requestBody"] = json!({"content": content.collect::<Map<_, _>>(), "required": true});
            return;
        }
        operation["consumes"] = models.iter().map(|(kind, _)| kind.as_str()).collect();
        if let (Some((_, model)), Value::Array(parameters)) = (models.first(), &mut operation["parameters"]) {
            let name = model.as_str().unwrap_or_default();
            let body = json!({"in": "body", "name": name, "required": true, "schema": self.reference(model)});
            parameters.push(body);
        }
    }

    fn responses(&self, method: &Shape) -> Map<String, Value> {
        let all = method.get("methodResponses").and_then(Value::as_object).into_iter().flatten();
        let one = |(status, response): (&String, &Value)| {
            let mut written = json!({"description": format!("{status} response")});
            let headers = response["responseParameters"].as_object().into_iter().flatten();
            let header = |(name, _): (&String, &Value)| {
                let kind = match self.is_swagger {
                    true => json!({"type": "string"}),
                    false => json!({"schema": {"type": "string"}}),
                };
                Some((name.strip_prefix("method.response.header.")?.to_owned(), kind))
            };
            let headers: Map<String, Value> = headers.filter_map(header).collect();
            if !headers.is_empty() {
                written["headers"] = headers.into();
            }
            let models: Vec<_> = response["responseModels"].as_object().into_iter().flatten().collect();
            match (self.is_swagger, models.first()) {
                (true, Some((_, model))) => written["schema"] = self.reference(model),
                (false, Some(_)) => {
                    let content = models
                        .iter()
                        .map(|(kind, model)| ((*kind).clone(), json!({"schema": self.reference(model)})));
                    written["content"] = content.collect::<Map<_, _>>().into();
                }
                _ => {}
            }
            (status.clone(), written)
        };
        all.map(one).collect()
    }

    fn security(&self, method: &Shape) -> Vec<Value> {
        let mut all = Vec::new();
        if let Some(authorizer) = self.snapshot.of("Authorizer").get(text(method, "authorizerId")) {
            let scopes = method.get("authorizationScopes").cloned().unwrap_or(json!([]));
            all.push(json!({text(authorizer, "name"): scopes}));
        }
        if text(method, "authorizationType") == "AWS_IAM" {
            all.push(json!({"sigv4": []}));
        }
        if method.get("apiKeyRequired") == Some(&Value::Bool(true)) {
            all.push(json!({"api_key": []}));
        }
        all
    }

    fn schemes(&self) -> Map<String, Value> {
        let mut schemes = Map::new();
        for authorizer in self.snapshot.of("Authorizer").values() {
            let header =
                text(authorizer, "identitySource").strip_prefix("method.request.header.").unwrap_or("Unused");
            let mut scheme = json!({
                "type": "apiKey", "name": header, "in": "header", AUTHTYPE: text(authorizer, "authType"),
            });
            if self.wants("authorizers") {
                let mut settings = authorizer.clone();
                ["id", "name", "authType"].iter().for_each(|member| drop(settings.remove(*member)));
                settings.insert("type".into(), text(authorizer, "type").to_lowercase().into());
                if text(authorizer, "type") == "TOKEN" {
                    settings.remove("identitySource");
                }
                scheme[AUTHORIZER] = settings.into();
            }
            schemes.insert(text(authorizer, "name").to_owned(), scheme);
        }
        let uses = |wanted: fn(&Shape) -> bool| {
            methods_of(&self.snapshot.resources).any(|(_, _, method)| wanted(method))
        };
        if uses(|method| text(method, "authorizationType") == "AWS_IAM") {
            let scheme =
                json!({"type": "apiKey", "name": "Authorization", "in": "header", AUTHTYPE: "awsSigv4"});
            schemes.insert("sigv4".into(), scheme);
        }
        if uses(|method| method.get("apiKeyRequired") == Some(&Value::Bool(true))) {
            schemes.insert("api_key".into(), json!({"type": "apiKey", "name": "x-api-key", "in": "header"}));
        }
        schemes
    }
}

/// An integration as documents have it.
fn written(integration: &Shape) -> Value {
    let mut all = integration.clone();
    let responses = integration.get("integrationResponses").and_then(Value::as_object).into_iter().flatten();
    let response = |(_, response): (&String, &Value)| {
        let mut response = response.as_object().cloned().unwrap_or_default();
        let pattern = match response.remove("selectionPattern") {
            Some(Value::String(pattern)) if !pattern.is_empty() => pattern,
            _ => "default".to_owned(),
        };
        (pattern, Value::Object(response))
    };
    let responses: Map<String, Value> = responses.map(response).collect();
    NOT_WRITTEN.iter().for_each(|member| drop(all.remove(*member)));
    for member in ["type", "passthroughBehavior"] {
        if let Some(Value::String(text)) = all.get_mut(member) {
            *text = text.to_lowercase();
        }
    }
    if text(integration, "responseTransferMode") == "STREAM" {
        all.insert("responseTransferMode".into(), "STREAM".into());
    }
    if !responses.is_empty() {
        all.insert("responses".into(), responses.into());
    }
    Value::Object(all)
}
