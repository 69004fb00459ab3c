//! Errors, in AWS's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid_argument(why: impl Into<String>) -> ApiError {
    ApiError::user("InvalidArgumentException", 400, why)
}

pub(super) fn validation(why: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, why)
}

pub(super) fn not_found(why: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, why)
}

pub(super) fn in_use(why: impl Into<String>) -> ApiError {
    ApiError::user("ResourceInUseException", 400, why)
}

pub(super) fn limit_exceeded(why: impl Into<String>) -> ApiError {
    ApiError::user("LimitExceededException", 400, why)
}

pub(super) fn no_stream(name: &str, account_id: &str) -> ApiError {
    not_found(format!("Stream {name} under account {account_id} not found."))
}

pub(super) fn not_named() -> ApiError {
    invalid_argument("Either StreamName or StreamARN must be specified.")
}

/// Of a request that only asks whether it would be answered.
pub(super) fn dry_run(is_dry: Option<bool>) -> Result<(), ApiError> {
    match is_dry {
        Some(true) => Err(ApiError::user(
            "DryRunOperationException",
            400,
            "Request would have succeeded, but DryRun flag is set.",
        )),
        _ => Ok(()),
    }
}

/// The account of an ARN.
pub(super) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
