//! `PUT /telemetry` and `PUT /logs` (T-01, T-05).

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
};
use lambda_model::environment::{SubscriptionRequest, TelemetryApi};
use serde_json::json;

use super::telemetry::SubscribeError;
use crate::{
    environment_api::{
        Shared, answers,
        body::{self, Received},
    },
    extensions_api::{Refusal, identifier},
};

/// Subscribes the caller, which must be an extension.
pub(super) async fn handle(
    api: TelemetryApi,
    request: Request<Incoming>,
    shared: &Shared,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body::receive(body).await;
    let name = match name(&parts.headers, shared) {
        Ok(name) => name,
        Err(refusal) => return refusal.answer(),
    };
    let Received::Complete(body) = body else {
        return invalid(api, "the request body is not whole");
    };
    let request = match SubscriptionRequest::parse(api, &body) {
        Ok(request) => request,
        Err(text) => return invalid(api, &text),
    };
    match shared.telemetry.subscribe(&name, request) {
        Ok(()) => answers::json(StatusCode::OK, &json!("OK")),
        Err(SubscribeError::Closed) => closed(api),
        Err(SubscribeError::OtherApi) => {
            invalid(api, "extension is already subscribed by the other of Telemetry API and Logs API")
        }
    }
}

fn name(headers: &HeaderMap, shared: &Shared) -> Result<String, Refusal> {
    shared.extensions.name_of(identifier(headers)?)
}

fn invalid(api: TelemetryApi, text: &str) -> Response<Full<Bytes>> {
    let error_type = match api {
        TelemetryApi::Telemetry => "ValidationError",
        TelemetryApi::Logs => "Logs.ValidationError",
    };
    answers::error(StatusCode::BAD_REQUEST, error_type, text)
}

/// Subscriptions end with the initialization.
fn closed(api: TelemetryApi) -> Response<Full<Bytes>> {
    let (error_type, text) = match api {
        TelemetryApi::Telemetry => {
            ("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")
        }
        TelemetryApi::Logs => ("Logs.SubscriptionClosed", "Logs API subscription is closed already"),
    };
    answers::error(StatusCode::FORBIDDEN, error_type, text)
}
