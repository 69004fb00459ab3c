//! Errors in the service's words.

use aws_api::error_response::ApiError;

/// A value that a parameter may not have; `what` names parameter and reason.
pub(super) fn invalid(what: impl std::fmt::Display) -> ApiError {
    ApiError::user("InvalidParameter", 400, format!("Invalid parameter: {what}"))
}

pub(super) fn no_topic() -> ApiError {
    ApiError::user("NotFound", 404, "Topic does not exist")
}

pub(super) fn no_subscription() -> ApiError {
    ApiError::user("NotFound", 404, "Subscription does not exist")
}
