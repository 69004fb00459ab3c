//! `POST /runtime/invocation/{id}/response`.

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming};
use lambda_model::{environment::RuntimeTransition, limits::RESPONSE_PAYLOAD_BYTES_MAX};

use super::{
    Exchange, answers,
    body::{self, Received},
    exchange::RuntimeEvent,
    next::refuse,
};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// Takes the answer to the current invocation. A streamed answer is collected: whole answers are what callers get here.
pub(super) async fn handle(
    id: &str,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Response<Full<Bytes>> {
    if let Err(refusal) = exchange.check_request_id(id) {
        return refuse(refusal);
    }
    let mode_is_known = request.headers().get(RESPONSE_MODE).is_none_or(|mode| mode == "streaming");
    let received = body::receive(request.into_body()).await;
    let (event, answer) = if !mode_is_known {
        (
            RuntimeEvent::Broken { error_type: "Runtime.InvalidResponseModeHeader" },
            answers::invalid_response_mode(),
        )
    } else {
        match received {
            Received::Complete(body) => (RuntimeEvent::Response(body), answers::accepted()),
            Received::Oversized => (RuntimeEvent::Oversized, answers::too_large(RESPONSE_PAYLOAD_BYTES_MAX)),
            Received::Truncated => {
                (RuntimeEvent::Broken { error_type: "Runtime.TruncatedResponse" }, answers::truncated())
            }
        }
    };
    match exchange.answer(id, RuntimeTransition::Response, event) {
        Ok(()) => answer,
        Err(refusal) => refuse(refusal),
    }
}
