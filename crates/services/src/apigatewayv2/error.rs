//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::user("BadRequestException", 400, message)
}

pub(crate) fn conflict(message: impl Into<String>) -> ApiError {
    ApiError::user("ConflictException", 409, message)
}

pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::user("NotFoundException", 404, message)
}

/// As the older API Gateway says it too.
pub(crate) fn no_api(account_id: &str, api_id: &str) -> ApiError {
    not_found(format!("Invalid API identifier specified {account_id}:{api_id}"))
}

/// A part of an API; `kind` is its name in the model.
pub(super) fn no_part(kind: &str, id: &str) -> ApiError {
    match kind {
        "Stage" => not_found("Invalid stage identifier specified"),
        _ => not_found(format!("Invalid {kind} identifier specified {id}")),
    }
}
