//! S3's errors: its codes, and its own words.

use std::{borrow::Cow, str::FromStr};

use http::{HeaderMap, HeaderValue};
use lambda_model::error::with_causes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode};
use store::StoreError;

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal(pub S3Error);

/// A refusal with S3's code and text; the status is the code's.
pub(super) fn refuse(code: &'static str, message: impl Into<Cow<'static, str>>) -> Refusal {
    // Every text is a code: parsing cannot fail.
    let code = S3ErrorCode::from_str(code).unwrap_or(S3ErrorCode::InternalError);
    let status = code.status_code().or_else(|| own_status(code.as_str()));
    let mut error = S3Error::with_message(code, message);
    if let Some(status) = status {
        error.set_status_code(status);
    }
    Refusal(error)
}

/// Codes that the library does not know.
fn own_status(code: &str) -> Option<http::StatusCode> {
    match code {
        "NoSuchPublicAccessBlockConfiguration"
        | "NoSuchConfiguration"
        | "ServerSideEncryptionConfigurationNotFoundError"
        | "NoSuchObjectLockConfiguration"
        | "ObjectLockConfigurationNotFoundError"
        | "NoSuchVersion" => Some(http::StatusCode::NOT_FOUND),
        "ObjectNotInActiveTierError" => Some(http::StatusCode::FORBIDDEN),
        "InvalidPartNumber" => Some(http::StatusCode::RANGE_NOT_SATISFIABLE),
        "NotImplemented" => Some(http::StatusCode::NOT_IMPLEMENTED),
        _ => Some(http::StatusCode::BAD_REQUEST),
    }
}

/// Where a refusal keeps what S3 tells beside code and text, until the error is written: `NAME=VALUE`, the value percent-encoded.
pub const DETAIL_HEADER: &str = "x-lambent-error-detail";

impl Refusal {
    /// The same with one more element, such as `Key`.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let mut headers = self.0.headers().cloned().unwrap_or_default();
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        if let Ok(value) = HeaderValue::from_str(&format!("{name}={value}")) {
            headers.append(DETAIL_HEADER, value);
        }
        self.0.set_headers(headers);
        self
    }

    /// The same with headers of its own.
    pub(super) fn with_headers(mut self, more: HeaderMap) -> Self {
        let mut headers = self.0.headers().cloned().unwrap_or_default();
        headers.extend(more);
        self.0.set_headers(headers);
        self
    }
}

impl From<StoreError> for Refusal {
    /// A caller learns only that something of ours broke.
    fn from(error: StoreError) -> Self {
        tracing::error!(error = with_causes(&error), "an operation of S3 failed");
        refuse("InternalError", "We encountered an internal error. Please try again.")
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

/// A task that blocks was lost.
pub(super) fn lost_task() -> Refusal {
    tracing::error!("a blocking task of S3 panicked or was cancelled");
    refuse("InternalError", "We encountered an internal error. Please try again.")
}

pub(super) fn malformed_xml() -> Refusal {
    refuse(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// The status of an answer where it is not 200: the library takes it from a few operations only, so that it goes beside the answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerStatus(pub http::StatusCode);

/// An answer with a status of its own.
pub(super) fn with_status<T>(output: T, status: http::StatusCode) -> s3s::S3Response<T> {
    let mut response = s3s::S3Response::new(output);
    response.extensions.insert(AnswerStatus(status));
    response
}

/// The answer to a request that took something away.
pub(super) fn no_content<T: Default>() -> s3s::S3Response<T> {
    with_status(T::default(), http::StatusCode::NO_CONTENT)
}
