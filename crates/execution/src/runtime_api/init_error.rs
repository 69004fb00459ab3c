//! `POST /runtime/init/error`.

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming};
use lambda_model::{invocation::error_type, limits::RESPONSE_PAYLOAD_BYTES_MAX};

use super::{
    Exchange, answers,
    body::{self, Received},
    exchange::RuntimeEvent,
    next::refuse,
};

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// Takes the error of an initialization.
pub(super) async fn handle(request: Request<Incoming>, exchange: &Exchange) -> Response<Full<Bytes>> {
    let header = request.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let error_type = error_type::sanitize(header);
    let body = match body::receive(request.into_body()).await {
        Received::Complete(body) => body,
        Received::Oversized => return answers::too_large(RESPONSE_PAYLOAD_BYTES_MAX),
        Received::Truncated => return answers::truncated(),
    };
    match exchange.init_error(RuntimeEvent::InitError { error_type, body }) {
        Ok(()) => answers::accepted(),
        Err(refusal) => refuse(refusal),
    }
}
