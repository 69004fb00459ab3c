//! The event in payload format version 2.0 (U-02).
//!
//! Names of headers are in lower case and several values are joined by commas; cookies are apart. What a request does not have is left out
//! of its event (recorded), which the examples of the documentation show as null.

use std::collections::BTreeMap;

use aws_api::timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Context, WebRequest, query};

/// The event, JSON.
pub fn event(request: &WebRequest, context: &Context) -> serde_json::Result<Vec<u8>> {
    let (body, is_base64_encoded) = request.body_text().unzip();
    serde_json::to_vec(&Event {
        version: "2.0",
        route_key: &context.route_key,
        raw_path: &request.raw_path,
        raw_query_string: &request.raw_query,
        cookies: cookies(request),
        headers: headers(request),
        query_string_parameters: joined(query::pairs(&request.raw_query)),
        path_parameters: &context.path_parameters,
        stage_variables: &context.stage_variables,
        request_context: request_context(request, context),
        body,
        is_base64_encoded: is_base64_encoded.unwrap_or(false),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stage_variables: &'a BTreeMap<String, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: &'a Option<Value>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    source_ip: &'a str,
    user_agent: &'a str,
}

fn request_context<'a>(request: &'a WebRequest, context: &'a Context) -> RequestContext<'a> {
    let domain_name = request.domain();
    RequestContext {
        account_id: &context.account_id,
        api_id: &context.api_id,
        authorizer: &context.authorizer,
        domain_name,
        domain_prefix: domain_name.split('.').next().unwrap_or_default(),
        http: Http {
            method: &request.method,
            path: &request.raw_path,
            protocol: &request.protocol,
            source_ip: &request.source_ip,
            user_agent: request.header("user-agent").unwrap_or_default(),
        },
        request_id: &request.request_id,
        route_key: &context.route_key,
        stage: &context.stage,
        time: timestamp::access_log(request.time_ms),
        time_epoch: request.time_ms,
    }
}

fn cookies(request: &WebRequest) -> Vec<String> {
    let sent = request.headers.iter().filter(|(name, _)| name == "cookie");
    let each = sent.flat_map(|(_, value)| value.split(';'));
    each.map(|cookie| cookie.trim().to_owned()).filter(|cookie| !cookie.is_empty()).collect()
}

fn headers(request: &WebRequest) -> BTreeMap<String, String> {
    joined(request.headers.iter().filter(|(name, _)| name != "cookie").cloned())
}

/// Several values of one name in one, between commas.
fn joined(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::<String, String>::new();
    for (name, value) in pairs {
        match all.get_mut(&name) {
            Some(before) => {
                before.push(',');
                before.push_str(&value);
            }
            None => {
                all.insert(name, value);
            }
        }
    }
    all
}
