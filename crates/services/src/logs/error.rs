//! Errors in the service's words.

use aws_api::error_response::ApiError;

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
