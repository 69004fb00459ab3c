//! Answers of the APIs inside an environment, in the words of AWS's own server.

use http_body_util::Full;
use hyper::{Response, StatusCode, body::Bytes, header};
use serde_json::json;

/// 202 `{"status":"OK"}`.
pub(crate) fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// 400 for an id that is not the current invocation's.
pub(crate) fn invalid_request_id() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

/// 403 for a call that the runtime's state does not allow.
pub(crate) fn invalid_state_transition(message: &str) -> Response<Full<Bytes>> {
    error(StatusCode::FORBIDDEN, "InvalidStateTransition", message)
}

/// 413.
pub(crate) fn too_large(bytes_max: usize) -> Response<Full<Bytes>> {
    error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &format!("Exceeded maximum allowed payload size ({bytes_max} bytes)."),
    )
}

/// 400 for a body that ended before its announced length.
pub(crate) fn truncated() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "HTTP request detected as truncated")
}

/// 400 for a response mode that does not exist.
pub(crate) fn invalid_response_mode() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid function response mode")
}

/// `{"errorMessage": ..., "errorType": ...}` with `status`.
pub(crate) fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    json(status, &json!({"errorMessage": message, "errorType": error_type}))
}

/// 404 for a path that is no call.
pub(crate) fn not_found() -> Response<Full<Bytes>> {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A text answer.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    with_body(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    with_body(status, "application/json", value.to_string().into())
}

/// An answer with its content type.
pub(crate) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
