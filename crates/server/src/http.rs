//! The HTTP vocabulary of this crate: one request type, one response type, bodies whole in memory and bounded.

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited, channel::Channel};
use hyper::{HeaderMap, Method, Response, StatusCode, body::Incoming, header};

/// The body of a response: whole in memory, or coming piece by piece.
pub(crate) type Body = Either<Full<Bytes>, Channel<Bytes>>;

/// A response, ready to be sent.
pub(crate) type HttpResponse = Response<Body>;

/// A request whose body has not been read.
pub(crate) struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Path as sent, percent-encoding untouched.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, unread.
    pub body: Incoming,
}

impl HttpRequest {
    /// Splits a request of hyper's.
    pub(crate) fn new(request: hyper::Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        }
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than allowed.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `bytes_max` bytes.
pub(crate) async fn read_body(body: Incoming, bytes_max: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// A body that is there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A response with a body of the given type.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> HttpResponse {
    response(status, "application/json", value.to_string())
}
