//! Errors in the service's words.

use aws_api::error_response::ApiError;

/// A value that a parameter may not have.
pub(super) fn invalid_value(message: impl Into<String>) -> ApiError {
    ApiError::user("InvalidParameterValueException", 400, message)
}

/// The usual form of [`invalid_value`].
pub(super) fn invalid(parameter: &str, value: impl std::fmt::Display, reason: &str) -> ApiError {
    invalid_value(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(super) fn missing(parameter: &str) -> ApiError {
    let message = format!("The request must contain the parameter {parameter}.");
    ApiError::user("MissingRequiredParameterException", 400, message)
}

pub(super) fn no_queue() -> ApiError {
    ApiError::user("QueueDoesNotExist", 400, "The specified queue does not exist.")
}

pub(super) fn unknown_attribute(name: &str) -> ApiError {
    ApiError::user("InvalidAttributeName", 400, format!("Unknown Attribute {name}."))
}

pub(super) fn invalid_attribute(name: &str) -> ApiError {
    let message = format!("Invalid value for the parameter {name}.");
    ApiError::user("InvalidAttributeValue", 400, message)
}

pub(super) fn unsupported(message: impl Into<String>) -> ApiError {
    ApiError::user("UnsupportedOperation", 400, message)
}

pub(super) fn bad_receipt(handle: &str) -> ApiError {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    ApiError::user("ReceiptHandleIsInvalid", 404, message)
}

pub(super) fn expired_receipt(handle: &str) -> ApiError {
    invalid("ReceiptHandle", handle, "The receipt handle has expired.")
}

pub(super) fn not_in_flight(handle: &str) -> ApiError {
    invalid(
        "ReceiptHandle",
        handle,
        "Message does not exist or is not available for visibility timeout change.",
    )
}

pub(super) fn over_limit(message: impl Into<String>) -> ApiError {
    ApiError::user("OverLimit", 403, message)
}

pub(super) fn no_resource(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceNotFoundException", 404, message)
}
