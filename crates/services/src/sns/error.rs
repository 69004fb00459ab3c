//! Errors in the service's words.

use aws_api::error_response::ApiError;
use lambda_model::error::with_causes;
use store::StoreError;

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

/// A fault of ours; the words are for the log.
pub(super) fn failed(message: impl Into<String>) -> ApiError {
    ApiError::service("InternalError", 500, message)
}

/// An error of the store or one in the service's words.
#[derive(Debug)]
pub(super) enum ChangeError {
    Store(StoreError),
    Refused(ApiError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ApiError> for ChangeError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => failed(with_causes(&error)),
            ChangeError::Refused(error) => error,
        }
    }
}
