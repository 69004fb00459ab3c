//! Why the URL of a function gives no answer of the function, and what it gives instead.

use bytes::Bytes;
use hyper::{StatusCode, header::HeaderValue};
use lambda_model::{LambdaError, http_event::answer::Malformed};
use serde_json::{Value, json};

use super::{limits, outgoing};
use crate::{
    authentication::AuthenticationFailure,
    http::{self, BodyError, HttpResponse},
    lambda_api::errors,
};

const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: \
                         https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

/// See the module's doc.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The address is nobody's (U-04).
    Nobodys,
    /// No policy lets the caller in (U-05).
    Forbidden,
    /// The caller signed, and not as whom it says.
    Unproven(AuthenticationFailure),
    /// The body did not come, or there is too much of it.
    Unread(BodyError),
    /// The function could not be invoked.
    Failed(LambdaError),
    /// The function failed, or returned what is no answer.
    BadGateway,
}

impl From<AuthenticationFailure> for Refusal {
    fn from(failure: AuthenticationFailure) -> Self {
        Self::Unproven(failure)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::Unread(error)
    }
}

impl From<LambdaError> for Refusal {
    fn from(error: LambdaError) -> Self {
        Self::Failed(error)
    }
}

impl From<Malformed> for Refusal {
    fn from(why: Malformed) -> Self {
        tracing::info!(%why, "what a function returned to its URL is no answer");
        Self::BadGateway
    }
}

impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Nobodys => told(403, "AccessDeniedException", Value::Null),
            Refusal::Forbidden => told(403, "AccessDeniedException", FORBIDDEN.into()),
            Refusal::Unproven(failure) => failure.of_lambda(),
            Refusal::Unread(BodyError::TooLarge) => failed(&LambdaError::RequestTooLarge(format!(
                "Request must be smaller than {} bytes for the InvokeFunction operation",
                limits::URL_BODY_BYTES_MAX
            ))),
            Refusal::Unread(BodyError::Broken) => {
                told(400, "InvalidRequestContentException", "The request was not sent whole.".into())
            }
            Refusal::Failed(error) => failed(&error),
            Refusal::BadGateway => http::response(
                StatusCode::BAD_GATEWAY,
                "application/json",
                Bytes::from_static(b"Internal Server Error"),
            ),
        }
    }
}

/// An error of Lambda's on the way to the function: with its status, in the form of a URL.
fn failed(error: &LambdaError) -> HttpResponse {
    let error = errors::to_api_error(error);
    told(error.status, error.code, error.message.into())
}

fn told(status: u16, code: &str, message: Value) -> HttpResponse {
    let body = json!({"Message": message}).to_string();
    let mut response = http::response(outgoing::status(status), "application/json", body);
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
