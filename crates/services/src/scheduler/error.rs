//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, message).capital_message()
}

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 404, message).capital_message()
}

pub(super) fn no_schedule(name: &str) -> ApiError {
    not_found(format!("Schedule {name} does not exist."))
}

pub(super) fn no_group(name: &str) -> ApiError {
    not_found(format!("Schedule group {name} does not exist."))
}

pub(super) fn exists(message: impl Into<String>) -> ApiError {
    ApiError::user("ConflictException", 409, message).capital_message()
}

pub(super) fn too_many(message: impl Into<String>) -> ApiError {
    ApiError::user("ServiceQuotaExceededException", 402, message).capital_message()
}
