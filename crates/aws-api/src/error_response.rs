//! Errors on the wire of restJson1: status, `x-amzn-ErrorType`, and a JSON body with AWS's two ways of writing the message's key.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// Exception name, such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Text for people.
    pub message: String,
    /// `User` or `Service`: who is at fault.
    pub fault: &'static str,
    /// Whether the body says `Message` rather than `message`. AWS does both, by exception (E-10).
    pub capital_message: bool,
    /// Further members of the body.
    pub members: Vec<(&'static str, Value)>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    /// An error that the caller can mend.
    pub fn user(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            fault: "User",
            capital_message: false,
            members: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// An error of the service.
    pub fn service(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { fault: "Service", ..Self::user(code, status, message) }
    }

    /// The same with `Message`.
    #[must_use]
    pub fn capital_message(mut self) -> Self {
        self.capital_message = true;
        self
    }

    /// The same with a further member.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: Value) -> Self {
        self.members.push((name, value));
        self
    }

    /// The same with a further header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The response.
pub fn render(error: &ApiError) -> Response<Bytes> {
    let mut body = Map::new();
    body.insert("Type".into(), error.fault.into());
    for (name, value) in &error.members {
        body.insert((*name).into(), value.clone());
    }
    let key = if error.capital_message { "Message" } else { "message" };
    body.insert(key.into(), error.message.clone().into());
    let mut response = Response::new(Bytes::from(Value::Object(body).to_string()));
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    for (name, value) in &error.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            headers.insert(name, value);
        }
    }
    response
}
