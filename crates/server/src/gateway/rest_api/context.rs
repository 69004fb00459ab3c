//! What is known of a request to a REST API: `$context` of templates, mappings and access logs, and `requestContext` of events (API Gateway
//! guide, "Mapping template and access logging variable reference").

use std::time::Duration;

use aws_api::timestamp;
use hyper::body::Body as _;
use lambda_model::credentials::Principal;
use serde_json::{Map, Value, json};

use super::{Visit, execution_log::ExecutionLog};
use crate::http::HttpResponse;

/// What is found out on the way.
#[derive(Default)]
pub(super) struct Known {
    /// What an authorizer said of the caller.
    pub authorizer: Option<Map<String, Value>>,
    /// Who signed, and with which key.
    pub signed: Option<(Principal, String)>,
    /// The API key that counts as the caller's: its id and value.
    pub api_key: Option<(String, String)>,
    /// The key that an authorizer says is the caller's.
    pub key_of_authorizer: Option<String>,
    /// What the integration answered, and after which time.
    pub integration: Option<(u16, Duration)>,
    /// Why there is no answer of an integration.
    pub error: Option<Value>,
    /// What happened, where somebody wants to know.
    pub log: Option<ExecutionLog>,
}

impl Known {
    /// Notes what happened, where somebody wants to know.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.note(line);
        }
    }

    /// The same of what clients and integrations send.
    pub(super) fn note_data(&mut self, line: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.note_data(line);
        }
    }
}

/// All of it.
pub(super) fn of(visit: &Visit<'_>) -> Value {
    let (web, known) = (&visit.web, &visit.known);
    let domain = web.domain();
    let mut context = json!({
        "accountId": visit.api.account_id,
        "apiId": visit.api.api_id,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "extendedRequestId": web.request_id,
        "httpMethod": web.method,
        "identity": identity(visit),
        "path": web.raw_path,
        "protocol": web.protocol,
        "requestId": web.request_id,
        "requestTime": timestamp::access_log(web.time_ms),
        "requestTimeEpoch": web.time_ms,
        "resourceId": visit.method.resource_id,
        "resourcePath": visit.method.resource_path,
        "stage": visit.stage.name,
    });
    let deployment = visit.stage.settings.and_then(|settings| settings.get("deploymentId"));
    if let Some(id) = deployment {
        context["deploymentId"] = id.clone();
    }
    if let Some(authorizer) = &known.authorizer {
        context["authorizer"] = authorizer.clone().into();
    }
    if let Some((status, took)) = known.integration {
        let latency = milliseconds(took);
        context["integration"] = json!({"status": status, "integrationStatus": status, "latency": latency});
        context["integrationStatus"] = status.into();
        context["integrationLatency"] = latency.into();
    }
    if let Some(error) = &known.error {
        context["error"] = error.clone();
    }
    context
}

fn identity(visit: &Visit<'_>) -> Value {
    let known = &visit.known;
    let mut identity = json!({
        "accessKey": null, "accountId": null, "caller": null, "cognitoAuthenticationProvider": null,
        "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
        "principalOrgId": null, "sourceIp": visit.web.source_ip, "user": null,
        "userAgent": visit.web.header("user-agent"), "userArn": null,
    });
    if let Some((principal, access_key)) = &known.signed {
        identity["accessKey"] = access_key.as_str().into();
        identity["accountId"] = principal.account_id.as_str().into();
        identity["caller"] = principal.user_id.as_str().into();
        identity["user"] = principal.user_id.as_str().into();
        identity["userArn"] = principal.arn.as_str().into();
    }
    if let Some((id, value)) = &known.api_key {
        identity["apiKey"] = value.as_str().into();
        identity["apiKeyId"] = id.as_str().into();
    }
    identity
}

/// What the client gets.
pub(super) fn answered(context: &mut Value, response: &HttpResponse, took: Duration) {
    context["status"] = response.status().as_u16().into();
    context["responseLength"] = response.body().size_hint().exact().unwrap_or_default().into();
    context["responseLatency"] = milliseconds(took).into();
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// A member by the path of its name: `identity.sourceIp`.
pub(super) fn member(context: &Value, name: &str) -> Option<String> {
    let pointer: String = name.split('.').map(|part| format!("/{part}")).collect();
    match context.pointer(&pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
