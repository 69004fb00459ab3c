//! What a part of an API may be, and what it is where a request does not say.

use lambda_model::http_api::{RouteKey, integration, mapping};
use serde_json::{Value, json};

use super::{
    Handled,
    error::{bad_request, conflict, no_part},
    record::{ApiRecord, Shape, text},
};
use crate::shape::defaults;

/// Longest and usual wait for an integration, milliseconds (API Gateway quotas: HTTP APIs, WebSocket APIs).
const HTTP_TIMEOUT_MS: i64 = 30_000;
const WEBSOCKET_TIMEOUT_MS: i64 = 29_000;
/// How long what an authorizer said is believed where nobody says, seconds.
const AUTHORIZER_TTL_SECONDS: i64 = 300;

pub(super) fn anything(_: &ApiRecord, _: &mut Shape) -> Handled<()> {
    Ok(())
}

pub(super) fn route(record: &ApiRecord, route: &mut Shape) -> Handled<()> {
    defaults(route, json!({"ApiKeyRequired": false, "AuthorizationType": "NONE"}));
    let key = text(route, "RouteKey");
    if record.is_http() && RouteKey::parse(key).is_none() {
        return Err(bad_request(
            "The provided route key is not formatted properly for HTTP protocol. \
             Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"",
        ));
    }
    let id = text(route, "RouteId");
    let is_taken = |other: &Shape| text(other, "RouteKey") == key && text(other, "RouteId") != id;
    if record.of("Route").values().any(is_taken) {
        return Err(conflict(format!("Route with key {key} already exists for this API")));
    }
    if let Some(integration) = text(route, "Target").strip_prefix("integrations/")
        && !record.of("Integration").contains_key(integration)
    {
        return Err(no_part("Integration", integration));
    }
    if route.get("ApiKeyRequired") == Some(&Value::Bool(true)) {
        return Err(bad_request("API keys are supported by REST APIs only"));
    }
    if !record.is_http() {
        return websocket_route(record, route);
    }
    let authorization = text(route, "AuthorizationType");
    let authorizer = record.of("Authorizer").get(text(route, "AuthorizerId"));
    let is_of = |kind: &str| authorizer.is_some_and(|it| text(it, "AuthorizerType") == kind);
    match authorization {
        "JWT" if !is_of("JWT") => {
            Err(bad_request("A JWT authorizer is required for the authorization type JWT"))
        }
        "CUSTOM" if !is_of("REQUEST") => {
            Err(bad_request("A Lambda authorizer is required for the authorization type CUSTOM"))
        }
        _ => Ok(()),
    }
}

pub(super) fn integration(record: &ApiRecord, integration: &mut Shape) -> Handled<()> {
    if text(integration, "ConnectionType") == "VPC_LINK" {
        return Err(bad_request("Private integrations through VPC links are not supported by this server"));
    }
    if !record.is_http() {
        websocket_integration(integration);
        return Ok(());
    }
    defaults(integration, json!({"ConnectionType": "INTERNET", "TimeoutInMillis": HTTP_TIMEOUT_MS}));
    if integration.contains_key("IntegrationSubtype") {
        return Err(bad_request(
            "Integrations with services of AWS are not supported by this server for HTTP APIs",
        ));
    }
    mappings(integration)?;
    match text(integration, "IntegrationType") {
        "AWS_PROXY" => {
            defaults(integration, json!({"IntegrationMethod": "POST"}));
            if integration::function_arn(text(integration, "IntegrationUri")).is_none() {
                return Err(bad_request("IntegrationUri should be a valid Lambda function ARN"));
            }
            match text(integration, "PayloadFormatVersion") {
                "1.0" | "2.0" => Ok(()),
                "" => Err(bad_request("PayloadFormatVersion is a required parameter for integration")),
                _ => Err(bad_request("PayloadFormatVersion should be 1.0 or 2.0")),
            }
        }
        "HTTP_PROXY" => {
            defaults(integration, json!({"PayloadFormatVersion": "1.0"}));
            let uri = text(integration, "IntegrationUri");
            if !(uri.starts_with("http://") || uri.starts_with("https://")) {
                return Err(bad_request("HttpUri should be a valid HTTP or HTTPS URL"));
            }
            match text(integration, "IntegrationMethod") {
                "" => {
                    Err(bad_request("IntegrationMethod is a required parameter for HTTP_PROXY integration"))
                }
                _ => Ok(()),
            }
        }
        other => Err(bad_request(format!(
            "Integration type {other} is not supported for HTTP APIs. Supported types are AWS_PROXY and HTTP_PROXY"
        ))),
    }
}

/// What an integration changes of requests and answers has to be something that can be changed.
fn mappings(integration: &Shape) -> Handled<()> {
    let keys = |of: Option<&Value>| {
        let members = of.and_then(Value::as_object).into_iter().flatten();
        members.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let mut wrong =
        keys(integration.get("RequestParameters")).into_iter().find(|key| !mapping::is_of_request(key));
    for answers in integration.get("ResponseParameters").and_then(Value::as_object).into_iter().flatten() {
        let is_status = answers.0.len() == 3 && answers.0.bytes().all(|byte| byte.is_ascii_digit());
        let of_answers = keys(Some(answers.1)).into_iter().find(|key| !mapping::is_of_answer(key));
        wrong = wrong.or(if is_status { of_answers } else { Some(answers.0.clone()) });
    }
    match wrong {
        Some(key) => Err(bad_request(format!("Invalid mapping expression specified: {key}"))),
        None => Ok(()),
    }
}

/// Only the route that opens a connection asks who the client is.
fn websocket_route(record: &ApiRecord, route: &Shape) -> Handled<()> {
    let is_open = matches!(text(route, "AuthorizationType"), "NONE" | "");
    if !is_open && text(route, "RouteKey") != "$connect" {
        return Err(bad_request("Currently, authorization is supported for the $connect route only"));
    }
    match text(route, "AuthorizationType") {
        "CUSTOM" if !record.of("Authorizer").contains_key(text(route, "AuthorizerId")) => {
            Err(no_part("Authorizer", text(route, "AuthorizerId")))
        }
        "JWT" => Err(bad_request("JWT authorizers are supported by HTTP APIs only")),
        _ => Ok(()),
    }
}

fn websocket_integration(integration: &mut Shape) {
    defaults(
        integration,
        json!({
            "ConnectionType": "INTERNET",
            "PassthroughBehavior": "WHEN_NO_MATCH",
            "PayloadFormatVersion": "1.0",
            "TimeoutInMillis": WEBSOCKET_TIMEOUT_MS,
            "IntegrationResponseSelectionExpression": "${integration.response.statuscode}",
        }),
    );
}

pub(super) fn authorizer(record: &ApiRecord, authorizer: &mut Shape) -> Handled<()> {
    let (name, id) = (text(authorizer, "Name"), text(authorizer, "AuthorizerId"));
    let is_taken = |other: &Shape| text(other, "Name") == name && text(other, "AuthorizerId") != id;
    if record.of("Authorizer").values().any(is_taken) {
        return Err(conflict(format!("Authorizer name {name} already exists for this API")));
    }
    if text(authorizer, "AuthorizerType") == "JWT" {
        return jwt_authorizer(record, authorizer);
    }
    if record.is_http() {
        if text(authorizer, "AuthorizerPayloadFormatVersion").is_empty() {
            return Err(bad_request(
                "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer",
            ));
        }
        defaults(
            authorizer,
            json!({"AuthorizerResultTtlInSeconds": AUTHORIZER_TTL_SECONDS, "EnableSimpleResponses": false}),
        );
    }
    Ok(())
}

fn jwt_authorizer(record: &ApiRecord, authorizer: &Shape) -> Handled<()> {
    if !record.is_http() {
        return Err(bad_request("JWT authorizers are supported by HTTP APIs only"));
    }
    let configuration = authorizer.get("JwtConfiguration");
    let issuer = configuration.and_then(|it| it.get("Issuer")).and_then(Value::as_str).unwrap_or_default();
    if !(issuer.starts_with("https://") || issuer.starts_with("http://")) {
        return Err(bad_request("Invalid issuer: it must be a valid URL with a scheme"));
    }
    let audience = configuration.and_then(|it| it.get("Audience")).and_then(Value::as_array);
    if audience.is_none_or(Vec::is_empty) {
        return Err(bad_request("Audience is a required parameter for JWT authorizer"));
    }
    let sources = authorizer.get("IdentitySource").and_then(Value::as_array);
    match sources.map(Vec::len) {
        Some(1) => Ok(()),
        _ => Err(bad_request("A JWT authorizer has one identity source")),
    }
}

pub(super) fn model(record: &ApiRecord, model: &mut Shape) -> Handled<()> {
    let (name, id) = (text(model, "Name"), text(model, "ModelId"));
    let is_taken = |other: &Shape| text(other, "Name") == name && text(other, "ModelId") != id;
    if record.of("Model").values().any(is_taken) {
        return Err(conflict(format!("Model with name {name} already exists for this API")));
    }
    Ok(())
}
