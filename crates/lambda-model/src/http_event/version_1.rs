//! The event in payload format version 1.0: of HTTP APIs that ask for it, as REST APIs send it (API Gateway guide, "Create AWS Lambda proxy
//! integrations for HTTP APIs"). Members that a request does not have are null, other than in version 2.0.

use std::collections::BTreeMap;

use aws_api::timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Context, WebRequest, query};

/// The event, JSON.
pub fn event(request: &WebRequest, context: &Context) -> serde_json::Result<Vec<u8>> {
    let (body, is_base64_encoded) = request.body_text().unzip();
    let multi_value_headers = all_values(request.headers.iter().cloned());
    let multi_value_query = all_values(query::pairs(&request.raw_query));
    serde_json::to_vec(&Event {
        version: "1.0",
        resource: context.route_path(),
        path: &request.raw_path,
        http_method: &request.method,
        headers: last_values(&multi_value_headers).unwrap_or_default(),
        multi_value_headers,
        query_string_parameters: last_values(&multi_value_query),
        multi_value_query_string_parameters: Some(multi_value_query).filter(|all| !all.is_empty()),
        request_context: request_context(request, context),
        path_parameters: Some(&context.path_parameters).filter(|all| !all.is_empty()),
        stage_variables: Some(&context.stage_variables).filter(|all| !all.is_empty()),
        body,
        is_base64_encoded: is_base64_encoded.unwrap_or(false),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: BTreeMap<String, String>,
    multi_value_headers: BTreeMap<String, Vec<String>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    request_context: Value,
    path_parameters: Option<&'a BTreeMap<String, String>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: bool,
}

fn request_context(request: &WebRequest, context: &Context) -> Value {
    let domain = request.domain();
    let mut shown = json!({
        "accountId": context.account_id,
        "apiId": context.api_id,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "extendedRequestId": request.request_id,
        "httpMethod": request.method,
        "identity": {
            "accessKey": null, "accountId": null, "caller": null, "cognitoAmr": null,
            "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null, "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null, "principalOrgId": null, "sourceIp": request.source_ip, "user": null,
            "userAgent": request.header("user-agent").unwrap_or_default(), "userArn": null,
        },
        "path": request.raw_path,
        "protocol": request.protocol,
        "requestId": request.request_id,
        "requestTime": timestamp::access_log(request.time_ms),
        "requestTimeEpoch": request.time_ms,
        "resourceId": context.route_key,
        "resourcePath": context.route_path(),
        "stage": context.stage,
    });
    if let Some(authorizer) = &context.authorizer {
        shown["authorizer"] = authorizer.clone();
    }
    shown
}

fn all_values(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    pairs.for_each(|(name, value)| all.entry(name).or_default().push(value));
    all
}

/// Of several values the last; `None` without any.
fn last_values(all: &BTreeMap<String, Vec<String>>) -> Option<BTreeMap<String, String>> {
    let last = |(name, values): (&String, &Vec<String>)| Some((name.clone(), values.last()?.clone()));
    let values: BTreeMap<_, _> = all.iter().filter_map(last).collect();
    (!values.is_empty()).then_some(values)
}
