//! `GET /runtime/invocation/next`.

use http_body_util::Full;
use hyper::{
    Response,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    Exchange, answers,
    exchange::{Delivery, Refusal},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const INVOKED_FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const COGNITO_IDENTITY: HeaderName = HeaderName::from_static("lambda-runtime-cognito-identity");

/// Waits, without a limit, for an event.
pub(super) async fn handle(exchange: &Exchange) -> Response<Full<Bytes>> {
    match exchange.next().await {
        Ok(delivery) => render(&delivery),
        Err(refusal) => refuse(refusal),
    }
}

/// The answer to a refused call of any kind.
pub(super) fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::InvalidRequestId => answers::invalid_request_id(),
        Refusal::InvalidTransition(message) => answers::invalid_state_transition(&message),
    }
}

fn render(delivery: &Delivery) -> Response<Full<Bytes>> {
    let invocation = &delivery.invocation;
    let mut response = Response::new(Full::new(invocation.payload.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(DEADLINE_MS, HeaderValue::from(delivery.deadline_ms));
    let optional = [
        (REQUEST_ID, Some(&invocation.request_id)),
        (INVOKED_FUNCTION_ARN, Some(&invocation.invoked_function_arn)),
        (TRACE_ID, invocation.trace_id.as_ref()),
        (CLIENT_CONTEXT, invocation.client_context.as_ref()),
        (COGNITO_IDENTITY, invocation.cognito_identity.as_ref()),
    ];
    for (name, value) in optional {
        // Empty ones are left out, as AWS's server does; bytes that no header can carry were refused at the front door.
        if let Some(value) =
            value.filter(|value| !value.is_empty()).and_then(|v| HeaderValue::from_bytes(v.as_bytes()).ok())
        {
            headers.insert(name, value);
        }
    }
    response
}
