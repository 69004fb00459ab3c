//! Errors in the service's words.

use aws_api::error_response::ApiError;

use super::bus::BusKey;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, message.into())
}

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, message.into())
}

pub(super) fn no_bus(name: &str) -> ApiError {
    not_found(format!("Event bus {name} does not exist."))
}

pub(super) fn no_rule(bus: &BusKey, rule: &str) -> ApiError {
    not_found(format!("Rule {rule} does not exist on EventBus {}.", bus.name))
}

pub(super) fn exists(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceAlreadyExistsException", 400, message.into())
}

pub(super) fn too_many() -> ApiError {
    ApiError::user(
        "LimitExceededException",
        400,
        "The requested resource exceeds the maximum number allowed.",
    )
}

pub(super) fn invalid_pattern(reason: &str) -> ApiError {
    ApiError::user(
        "InvalidEventPatternException",
        400,
        format!("Event pattern is not valid. Reason: {reason}"),
    )
}
