//! What is known of a request to an HTTP API: `$context` of mappings and of access logs (API Gateway guide, "Customizing HTTP API access
//! logs").

use std::time::Duration;

use aws_api::timestamp;
use hyper::body::Body as _;
use lambda_model::http_event::WebRequest;
use serde_json::{Value, json};
use services::apigatewayv2::{DeployedApi, DeployedStage};

use super::Visit;
use crate::http::HttpResponse;

/// What is known before there is a route.
pub(super) fn of(api: &DeployedApi, stage: &DeployedStage, web: &WebRequest) -> Value {
    let domain = web.domain();
    json!({
        "accountId": api.account_id,
        "apiId": api.api_id,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "extendedRequestId": web.request_id,
        "httpMethod": web.method,
        "identity": {
            "sourceIp": web.source_ip, "userAgent": web.header("user-agent").unwrap_or_default(),
        },
        "path": web.raw_path,
        "protocol": web.protocol,
        "requestId": web.request_id,
        "requestTime": timestamp::access_log(web.time_ms),
        "requestTimeEpoch": web.time_ms,
        "stage": stage.name,
    })
}

/// What the authorizer said: claims of a token, or whatever its function gave.
pub(super) fn authorized(visit: &mut Visit<'_>) {
    let said = visit.authorizer.as_ref().map(|said| match said {
        Value::Object(members) if members.len() == 1 => {
            members.get("jwt").or_else(|| members.get("lambda")).unwrap_or(said).clone()
        }
        other => other.clone(),
    });
    if let Some(said) = said {
        visit.context["authorizer"] = said;
    }
}

/// What the integration answered, and after which time.
pub(super) fn integrated(visit: &mut Visit<'_>, status: u16, took: Duration) {
    let latency = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    visit.context["integration"] = json!({"status": status, "integrationStatus": status, "latency": latency});
    visit.context["integrationStatus"] = status.into();
    visit.context["integrationLatency"] = latency.into();
}

/// What the client gets.
pub(super) fn answered(context: &mut Value, response: &HttpResponse, took: Duration) {
    context["status"] = response.status().as_u16().into();
    context["responseLength"] = response.body().size_hint().exact().unwrap_or_default().into();
    context["responseLatency"] = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into();
}
