//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, message)
}

/// What most errors of parameters begin with.
pub(super) fn invalid_parameters(what: &str) -> ApiError {
    invalid(format!("One or more parameter values were invalid: {what}"))
}

pub(super) fn no_table() -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, "Requested resource not found")
}

pub(super) fn no_table_named(name: &str) -> ApiError {
    let message = format!("Requested resource not found: Table: {name} not found");
    ApiError::user("ResourceNotFoundException", 400, message)
}

pub(super) fn in_use(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceInUseException", 400, message)
}
