//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user("InvalidRequestException", 400, message)
}

/// Of a statement that cannot be read.
pub(super) fn unreadable(message: impl Into<String>) -> ApiError {
    ApiError::user("SqlParseException", 400, message)
}

pub(super) fn exists(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceAlreadyExistsException", 409, message)
}

/// As AWS says it of rules: who asks does not learn whether it is there.
pub(super) fn no_rule(name: &str) -> ApiError {
    ApiError::user("UnauthorizedException", 401, format!("Access to topic rule '{name}' was denied"))
}

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 404, message)
}

pub(super) fn unbuilt(message: impl Into<String>) -> ApiError {
    ApiError::service("NotImplemented", 501, message)
}
