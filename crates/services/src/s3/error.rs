//! S3's errors: its codes, and its own words.

use std::{borrow::Cow, str::FromStr};

use lambda_model::error::with_causes;
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
        "NoSuchPublicAccessBlockConfiguration" | "NoSuchConfiguration" => Some(http::StatusCode::NOT_FOUND),
        "NotImplemented" => Some(http::StatusCode::NOT_IMPLEMENTED),
        _ => Some(http::StatusCode::BAD_REQUEST),
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
