//! An operation of a document as a method of a resource, with its integration.

use serde_json::{Map, Value, json};

use super::{
    VALIDATOR,
    import::{Import, Scheme},
    referenced, schemas,
};
use crate::{
    apigateway::{
        Handled, integrations, methods,
        record::{ApiRecord, Shape, shape, text},
    },
    openapi::INTEGRATION,
};

/// Members of an integration that are the same in the model.
const SAME: [&str; 14] = [
    "type",
    "httpMethod",
    "uri",
    "credentials",
    "connectionType",
    "connectionId",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheNamespace",
    "cacheKeyParameters",
    "tlsConfig",
];

/// Puts an operation, which is one of a path's item, into a resource; what the resource had for this method goes.
pub(super) fn import(
    record: &mut ApiRecord,
    import: &mut Import<'_>,
    resource_id: &str,
    name: &str,
    (item, operation): (&Value, &Value),
) -> Handled<()> {
    let mut method = shape(json!({"authorizationType": "NONE"}));
    if let Some(operation_name) = operation["operationId"].as_str() {
        method.insert("operationName".into(), operation_name.into());
    }
    let (parameters, models) = request(record, import, item, operation)?;
    if !parameters.is_empty() {
        method.insert("requestParameters".into(), parameters.into());
    }
    if !models.is_empty() {
        method.insert("requestModels".into(), models.into());
    }
    let validator = operation[VALIDATOR].as_str().or(import.document[VALIDATOR].as_str());
    if let Some(id) = validator.and_then(|name| import.validators.get(name)) {
        method.insert("requestValidatorId".into(), id.as_str().into());
    }
    security(&mut method, import, operation);
    if let Some(Value::Object(all)) =
        record.resources.get_mut(resource_id).and_then(|it| it.get_mut("resourceMethods"))
    {
        all.remove(name);
    }
    methods::add(record, resource_id, name.to_owned(), method)?;
    let asked = shape(json!({"resourceId": resource_id, "httpMethod": name}));
    for response in responses(record, import, operation)? {
        crate::apigateway::checks::method_response(record, &response)?;
        methods::add_response(record.method_mut(&asked)?, response)?;
    }
    if let Some(given) = operation.get(INTEGRATION) {
        integration(record, import, &asked, given)?;
    }
    Ok(())
}

/// Parameters, and models by type of content.
fn request(
    record: &mut ApiRecord,
    import: &Import<'_>,
    item: &Value,
    operation: &Value,
) -> Handled<(Map<String, Value>, Map<String, Value>)> {
    let document = import.document;
    let (mut parameters, mut models) = (Map::new(), Map::new());
    let lists = [&item["parameters"], &operation["parameters"]];
    for parameter in lists.iter().filter_map(|list| list.as_array()).flatten() {
        let parameter = referenced(document, parameter);
        let kind = match parameter["in"].as_str() {
            Some("path") => "path",
            Some("query") => "querystring",
            Some("header") => "header",
            Some("body") => {
                let consumes = operation["consumes"].as_array().or(document["consumes"].as_array());
                let kind = consumes.and_then(|all| all.first()).and_then(Value::as_str);
                let model = schemas::model_of(record, &parameter["schema"])?;
                models.insert(kind.unwrap_or("application/json").to_owned(), model.into());
                continue;
            }
            _ => continue,
        };
        let name = parameter["name"].as_str().unwrap_or_default();
        let is_required = parameter["required"].as_bool().unwrap_or(kind == "path");
        parameters.insert(format!("method.request.{kind}.{name}"), is_required.into());
    }
    let body = referenced(document, &operation["requestBody"]);
    for (kind, content) in body["content"].as_object().into_iter().flatten() {
        if let Some(schema) = content.get("schema") {
            models.insert(kind.clone(), schemas::model_of(record, schema)?.into());
        }
    }
    Ok((parameters, models))
}

fn security(method: &mut Shape, import: &mut Import<'_>, operation: &Value) {
    let asked = operation.get("security").or(import.document.get("security"));
    for (name, scopes) in
        asked.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).flatten()
    {
        match import.schemes.get(name) {
            Some(Scheme::Authorizer(id, authorization)) => {
                method.insert("authorizationType".into(), (*authorization).into());
                method.insert("authorizerId".into(), id.as_str().into());
                if scopes.as_array().is_some_and(|scopes| !scopes.is_empty()) {
                    method.insert("authorizationScopes".into(), scopes.clone());
                }
            }
            Some(Scheme::Signature) => drop(method.insert("authorizationType".into(), "AWS_IAM".into())),
            Some(Scheme::ApiKey) => drop(method.insert("apiKeyRequired".into(), true.into())),
            None => import.warnings.push(format!("Security scheme {name} is not known, and is left out.")),
        }
    }
    let own = &operation["x-amazon-apigateway-auth"]["type"];
    if own.as_str().is_some_and(|it| it.eq_ignore_ascii_case("AWS_IAM")) {
        method.insert("authorizationType".into(), "AWS_IAM".into());
    }
}

/// What a method answers, by status; only those that are numbers can be.
fn responses(record: &mut ApiRecord, import: &Import<'_>, operation: &Value) -> Handled<Vec<Shape>> {
    let document = import.document;
    let mut all = Vec::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if status.parse::<u16>().is_err() {
            continue;
        }
        let response = referenced(document, response);
        let mut made = shape(json!({"statusCode": status}));
        let headers = response["headers"].as_object().into_iter().flatten();
        let parameters: Map<String, Value> =
            headers.map(|(name, _)| (format!("method.response.header.{name}"), false.into())).collect();
        if !parameters.is_empty() {
            made.insert("responseParameters".into(), parameters.into());
        }
        let mut models = Map::new();
        if let Some(schema) = response.get("schema") {
            models.insert("application/json".into(), schemas::model_of(record, schema)?.into());
        }
        for (kind, content) in response["content"].as_object().into_iter().flatten() {
            if let Some(schema) = content.get("schema") {
                models.insert(kind.clone(), schemas::model_of(record, schema)?.into());
            }
        }
        if !models.is_empty() {
            made.insert("responseModels".into(), models.into());
        }
        all.push(made);
    }
    Ok(all)
}

fn integration(record: &mut ApiRecord, import: &mut Import<'_>, asked: &Shape, given: &Value) -> Handled<()> {
    let given = referenced(import.document, given);
    let mut integration = Shape::new();
    for member in SAME {
        if let Some(value) = given.get(member) {
            integration.insert(member.into(), value.clone());
        }
    }
    for member in ["type", "passthroughBehavior", "httpMethod", "connectionType", "contentHandling"] {
        if let Some(Value::String(text)) = integration.get_mut(member) {
            *text = text.to_uppercase();
        }
    }
    if let Some(mode) = given["responseTransferMode"].as_str() {
        integration.insert("responseTransferMode".into(), mode.to_uppercase().into());
    }
    let resource_id = text(asked, "resourceId").to_owned();
    let method = record.method_mut(asked)?;
    integrations::put(method, &resource_id, integration, import.settings.limits())?;
    for (pattern, response) in given["responses"].as_object().into_iter().flatten() {
        let mut response = shape(response.clone());
        let status = match response.get("statusCode") {
            Some(Value::String(status)) => status.clone(),
            Some(other) => other.to_string(),
            None => "200".to_owned(),
        };
        response.insert("statusCode".into(), status.clone().into());
        if pattern != "default" {
            response.insert("selectionPattern".into(), pattern.as_str().into());
        }
        let is_declared = method.get("methodResponses").is_some_and(|all| all.get(&status).is_some());
        if !is_declared {
            import.warnings.push(format!(
                "Method response {status} is not defined; it is added for its integration response."
            ));
            methods::add_response(method, shape(json!({"statusCode": status})))?;
        }
        integrations::put_response(method, response)?;
    }
    Ok(())
}
