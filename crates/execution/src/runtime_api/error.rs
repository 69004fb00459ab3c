//! `POST /runtime/invocation/{id}/error`: the function's own error, passed through verbatim.

use http_body_util::Full;
use hyper::{HeaderMap, Request, Response, body::Bytes, body::Incoming};
use lambda_model::{
    environment::RuntimeTransition,
    invocation::error_cause::{self, ErrorCause},
    limits::RESPONSE_PAYLOAD_BYTES_MAX,
};

use super::{
    Exchange, answers,
    body::{self, Received},
    exchange::RuntimeEvent,
    next::refuse,
};

/// Content type with which a runtime sends an error and its X-Ray cause in one body.
const WITH_CAUSE: &str = "application/vnd.aws.lambda.error.cause+json";
/// What the caller gets where such a body cannot be read.
const INVALID_BODY: &[u8] = b"\"Invalid error body\"";
const ERROR_CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// The X-Ray cause in a header, if it is one.
fn cause_in(headers: &HeaderMap) -> Option<ErrorCause> {
    headers.get(ERROR_CAUSE).and_then(|cause| ErrorCause::parse(cause.as_bytes()))
}

/// Takes the error of the current invocation.
pub(super) async fn handle(
    id: &str,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Response<Full<Bytes>> {
    if let Err(refusal) = exchange.current(id) {
        return refuse(refusal);
    }
    let mut cause = cause_in(request.headers());
    let has_cause = request.headers().get(hyper::header::CONTENT_TYPE).is_some_and(|kind| kind == WITH_CAUSE);
    let (event, answer) = match body::receive(request.into_body()).await {
        Received::Complete(body) if has_cause => {
            let parted = error_cause::apart(&body);
            let (error, its_cause) = parted.unwrap_or((INVALID_BODY.to_vec(), None));
            cause = its_cause;
            (RuntimeEvent::Error(error.into()), answers::accepted())
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
    exchange.keep_error_cause(cause);
    match exchange.answer(id, RuntimeTransition::ErrorResponse, event) {
        Ok(()) => answer,
        Err(refusal) => refuse(refusal),
    }
}
