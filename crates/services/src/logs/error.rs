//! Errors in the service's words.

use aws_api::error_response::ApiError;
use lambda_model::error::with_causes;
use store::StoreError;

use super::CloudWatchLogs;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user(CloudWatchLogs::INVALID, 400, message)
}

pub(super) fn no_group() -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, "The specified log group does not exist.")
}

pub(super) fn no_stream() -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, "The specified log stream does not exist.")
}

pub(super) fn exists(what: &str) -> ApiError {
    let message = format!("The specified {what} already exists");
    ApiError::user("ResourceAlreadyExistsException", 400, message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::user("LimitExceededException", 400, message)
}

/// A fault of ours; the words are for the log.
pub(super) fn failed(message: impl Into<String>) -> ApiError {
    ApiError::service("ServiceUnavailableException", 500, message)
}

/// What the store could not do.
pub(super) fn of_store(error: StoreError) -> ApiError {
    failed(with_causes(&error))
}

/// An error of the store or one in the service's words.
pub(super) enum ChangeError {
    Store(StoreError),
    Refused(ApiError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => of_store(error),
            ChangeError::Refused(error) => error,
        }
    }
}
