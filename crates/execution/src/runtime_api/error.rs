//! `POST /runtime/invocation/{id}/error`: the function's own error, passed through verbatim.

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming};
use lambda_model::{environment::RuntimeTransition, limits::RESPONSE_PAYLOAD_BYTES_MAX};

use super::{
    Exchange, answers,
    body::{self, Received},
    exchange::RuntimeEvent,
    next::refuse,
};

/// Content type with which a runtime sends an error and its X-Ray cause in one body.
const WITH_CAUSE: &str = "application/vnd.aws.lambda.error.cause+json";

/// Takes the error of the current invocation.
pub(super) async fn handle(
    id: &str,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Response<Full<Bytes>> {
    if let Err(refusal) = exchange.current(id) {
        return refuse(refusal);
    }
    let has_cause = request.headers().get(hyper::header::CONTENT_TYPE).is_some_and(|kind| kind == WITH_CAUSE);
    let (event, answer) = match body::receive(request.into_body()).await {
        Received::Complete(body) if has_cause => {
            (RuntimeEvent::Error(without_cause(&body)), answers::accepted())
        }
        Received::Complete(body) => (RuntimeEvent::Error(body), answers::accepted()),
        Received::Oversized => {
            let bytes_max = RESPONSE_PAYLOAD_BYTES_MAX;
            (RuntimeEvent::Oversized { bytes_max }, answers::too_large(bytes_max))
        }
        Received::Truncated => {
            (RuntimeEvent::Broken { error_type: "Runtime.TruncatedResponse" }, answers::truncated())
        }
    };
    match exchange.answer(id, RuntimeTransition::ErrorResponse, event) {
        Ok(()) => answer,
        Err(refusal) => refuse(refusal),
    }
}

/// The error without its X-Ray cause.
fn without_cause(body: &[u8]) -> Bytes {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let error = parsed.and_then(|mut value| value.get_mut("error").map(serde_json::Value::take));
    match error {
        Some(error) => error.to_string().into(),
        None => Bytes::from_static(b"\"Invalid error body\""),
    }
}
