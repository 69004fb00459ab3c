//! What a function answers, on its way to the client.

use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use lambda_model::http_event::WebAnswer;

use crate::http::{self, HttpResponse, OF_A_CONNECTION};

/// The answer as it is sent; what can be no header is left out.
pub(super) fn response(answer: WebAnswer) -> HttpResponse {
    let mut response = hyper::Response::new(http::whole(answer.body));
    *response.status_mut() = status(answer.status);
    put_headers(response.headers_mut(), answer.headers);
    response
}

/// The status of an answer; one that does not end a request is none.
pub(super) fn status(number: u16) -> StatusCode {
    let status = StatusCode::from_u16(number).ok().filter(|status| !status.is_informational());
    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Adds headers of an answer.
pub(super) fn put_headers(headers: &mut HeaderMap, given: Vec<(String, String)>) {
    for (name, value) in given {
        let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value.as_bytes()))
        else {
            tracing::warn!(name, "a function gave what can be no header; it is left out");
            continue;
        };
        // Nor does a function decide about the connection, or the body's length.
        if name != header::CONTENT_LENGTH && !OF_A_CONNECTION.contains(&name.as_str()) {
            headers.append(name, value);
        }
    }
}
