//! Errors, in AWS's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid_parameter(why: impl Into<String>) -> ApiError {
    ApiError::user("InvalidParameterException", 400, why).capital_message()
}

pub(super) fn invalid_request(why: impl Into<String>) -> ApiError {
    ApiError::user("InvalidRequestException", 400, why).capital_message()
}

pub(super) fn validation(why: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, why)
}

pub(super) fn not_found(why: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, why).capital_message()
}

pub(super) fn exists(why: impl Into<String>) -> ApiError {
    ApiError::user("ResourceExistsException", 400, why).capital_message()
}

pub(super) fn no_secret() -> ApiError {
    not_found("Secrets Manager can't find the specified secret.")
}

/// Of a secret that is to be deleted.
pub(super) fn marked() -> ApiError {
    invalid_request("You can't perform this operation on the secret because it was marked for deletion.")
}

/// What of the service is not built.
pub(super) fn unbuilt(what: &str) -> ApiError {
    ApiError::service("NotImplemented", 501, format!("{what} of secrets is not implemented by this server."))
}
