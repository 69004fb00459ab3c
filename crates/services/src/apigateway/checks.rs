//! What methods, integrations and their responses may be.

use lambda_model::{
    rest_api::parameters::{Place, Source},
    vtl::Template,
};
use serde_json::Value;

use super::{
    Handled,
    error::{bad_request, comes_later, no_part},
    record::{ApiRecord, Shape, text},
};

/// The methods that there are; the last is every other.
pub(super) const METHODS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "ANY"];
/// The shortest wait for an integration, milliseconds (API Gateway quotas: REST APIs).
const TIMEOUT_MS_MIN: i64 = 50;

pub(super) fn method(record: &ApiRecord, method: &Shape) -> Handled<()> {
    let kind = text(method, "authorizationType").to_ascii_uppercase();
    let authorizer = record.of("Authorizer").get(text(method, "authorizerId"));
    let is_of = |kinds: &[&str]| authorizer.is_some_and(|it| kinds.contains(&text(it, "type")));
    let is_right = match kind.as_str() {
        "NONE" | "AWS_IAM" => true,
        "CUSTOM" => is_of(&["TOKEN", "REQUEST"]),
        "COGNITO_USER_POOLS" => is_of(&["COGNITO_USER_POOLS"]),
        _ => {
            return Err(bad_request(
                "Invalid authorization type specified. Must be one of: [NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS]",
            ));
        }
    };
    if !is_right {
        return Err(bad_request(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.",
        ));
    }
    let validator = text(method, "requestValidatorId");
    if !validator.is_empty() && !record.of("RequestValidator").contains_key(validator) {
        return Err(bad_request("Invalid Request Validator identifier specified"));
    }
    models(record, method.get("requestModels"))?;
    for (name, _) in entries(method, "requestParameters") {
        if !Source::is_method_parameter(name) {
            return Err(mapping_error(&format!("Invalid mapping expression parameter specified: {name}")));
        }
    }
    Ok(())
}

pub(super) fn method_response(record: &ApiRecord, response: &Shape) -> Handled<()> {
    check_status(text(response, "statusCode"))?;
    for (name, _) in entries(response, "responseParameters") {
        if name.strip_prefix("method.response.header.").is_none_or(str::is_empty) {
            return Err(mapping_error(&format!("Invalid mapping expression parameter specified: {name}")));
        }
    }
    models(record, response.get("responseModels"))
}

pub(super) fn check_status(status: &str) -> Handled<()> {
    let is_status = status.len() == 3 && status.parse::<u16>().is_ok_and(|it| (100..=599).contains(&it));
    match is_status {
        true => Ok(()),
        false => Err(bad_request(format!("Invalid status code specified: {status}"))),
    }
}

fn models(record: &ApiRecord, models: Option<&Value>) -> Handled<()> {
    for (_, name) in models.and_then(Value::as_object).into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        if !record.of("Model").contains_key(name) {
            return Err(bad_request(format!("Invalid model identifier specified: {name}")));
        }
    }
    Ok(())
}

/// What an integration is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    /// The API's account.
    pub account_id: &'a str,
    /// The longest wait for an integration, milliseconds.
    pub timeout_ms_max: i64,
}

/// The integration of a method.
pub(super) fn integration(method: &Shape, integration: &Shape, limits: Limits<'_>) -> Handled<()> {
    let (kind, uri) = (text(integration, "type"), text(integration, "uri"));
    if integration.contains_key("integrationTarget") {
        return Err(comes_later("Integrations with load balancers"));
    }
    if kind != "MOCK" && text(integration, "httpMethod").is_empty() {
        return Err(bad_request("Enumeration value for HttpMethod must be non-empty"));
    }
    let is_link = text(integration, "connectionType") == "VPC_LINK";
    match kind {
        "HTTP" | "HTTP_PROXY" if !is_link && !is_web_address(uri) => {
            return Err(bad_request("Invalid HTTP endpoint specified for URI"));
        }
        "AWS" | "AWS_PROXY" => {
            let service = service_of(uri)?;
            role((kind, text(integration, "credentials")), uri, limits.account_id)?;
            if kind == "AWS_PROXY" {
                proxy(service)?;
            }
        }
        _ => {}
    }
    let waits = integration.get("timeoutInMillis").and_then(Value::as_i64).unwrap_or(TIMEOUT_MS_MIN);
    if !(TIMEOUT_MS_MIN..=limits.timeout_ms_max).contains(&waits) {
        return Err(bad_request(format!(
            "Timeout should be between {TIMEOUT_MS_MIN} ms and {} ms",
            limits.timeout_ms_max
        )));
    }
    if !matches!(
        text(integration, "passthroughBehavior"),
        "" | "WHEN_NO_MATCH" | "WHEN_NO_TEMPLATES" | "NEVER"
    ) {
        return Err(bad_request("Invalid passthroughBehavior specified"));
    }
    if text(integration, "responseTransferMode") == "STREAM" && !matches!(kind, "AWS_PROXY" | "HTTP_PROXY") {
        return Err(bad_request("Response streaming is supported by proxy integrations only"));
    }
    for (name, value) in entries(integration, "requestParameters") {
        let value = value.as_str().unwrap_or_default();
        if Place::of_request(name).is_none() {
            return Err(mapping_error(&format!("Invalid mapping expression parameter specified: {name}")));
        }
        let Some(source) = Source::of_request(value) else {
            return Err(mapping_error(&format!("Invalid mapping expression specified: {value}")));
        };
        if source.is_undeclared(method.get("requestParameters").and_then(Value::as_object)) {
            return Err(mapping_error(&format!("Invalid mapping expression parameter specified: {value}")));
        }
    }
    templates(integration, "requestTemplates")
}

/// A service is asked as a role of the API's own account; functions have policies of their own.
fn role((kind, role): (&str, &str), uri: &str, account_id: &str) -> Handled<()> {
    let is_callers = role.starts_with("arn:aws:iam::*:user/");
    if kind == "AWS" && role.is_empty() && !uri.contains(":lambda:path/") {
        return Err(bad_request("Role ARN must be specified for AWS integrations"));
    }
    match role.is_empty() || is_callers || role.split(':').nth(4) == Some(account_id) {
        true => Ok(()),
        false => {
            let message = "Cross-account pass role is not allowed.";
            Err(aws_api::error_response::ApiError::user("AccessDeniedException", 403, message))
        }
    }
}

fn is_web_address(uri: &str) -> bool {
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// The service that an address of API Gateway's names, and what of it.
fn service_of(uri: &str) -> Handled<(&str, &str)> {
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    let ["arn", _, service, _, named, action] = parts[..] else {
        return Err(bad_request("Invalid ARN specified in the request"));
    };
    match service == "apigateway" && (action.starts_with("path/") || action.starts_with("action/")) {
        true => Ok((named, action)),
        false => Err(bad_request("AWS ARN for integration must contain path or action")),
    }
}

/// Only functions get a request as an event.
fn proxy((service, action): (&str, &str)) -> Handled<()> {
    match service == "lambda" && action.starts_with("path/") {
        true => Ok(()),
        false => Err(bad_request(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.",
        )),
    }
}

/// The response of an integration; the method's own response to the status has to be there.
pub(super) fn integration_response(method: &Shape, response: &Shape) -> Handled<()> {
    let status = text(response, "statusCode");
    let of_method = method.get("methodResponses").and_then(|all| all.get(status));
    let of_method = of_method.and_then(Value::as_object).ok_or_else(|| no_part("Response"))?;
    let declared = of_method.get("responseParameters").and_then(Value::as_object);
    for (name, value) in entries(response, "responseParameters") {
        if !declared.is_some_and(|declared| declared.contains_key(name)) {
            return Err(mapping_error(&format!("Invalid mapping expression parameter specified: {name}")));
        }
        let value = value.as_str().unwrap_or_default();
        if Source::of_response(value).is_none() {
            return Err(mapping_error(&format!("Invalid mapping expression specified: {value}")));
        }
    }
    let pattern = text(response, "selectionPattern");
    if super::compiled::whole(pattern).is_none() {
        return Err(bad_request(format!("Invalid selection pattern specified: {pattern}")));
    }
    templates(response, "responseTemplates")
}

fn templates(shape: &Shape, member: &str) -> Handled<()> {
    for (kind, template) in entries(shape, member) {
        if let Err(error) = Template::parse(template.as_str().unwrap_or_default()) {
            return Err(bad_request(format!("Invalid mapping template specified for {kind}: {error}")));
        }
    }
    Ok(())
}

pub(super) fn entries<'a>(shape: &'a Shape, member: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    shape.get(member).and_then(Value::as_object).into_iter().flatten()
}

fn mapping_error(what: &str) -> aws_api::error_response::ApiError {
    bad_request(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [{what}]"
    ))
}
