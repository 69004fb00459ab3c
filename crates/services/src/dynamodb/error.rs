//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::user("ValidationException", 400, message)
}

/// What is wrong whatever the table is, as AWS tells of it (recorded by moto's tests that are held against AWS: of a read's `Select`, and of
/// what writes one item).
pub(super) fn detected(what: &str) -> ApiError {
    invalid(format!("{DETECTED}{what}"))
}

/// What such an error begins with.
const DETECTED: &str = "1 validation error detected: ";

/// What of a write of one item AWS tells of so; what cannot be read at all, and what is no expression, it does not.
const DETECTED_OF_WRITES: &[&str] = &[
    "ExpressionAttributeValues must not be empty",
    "Invalid UpdateExpression: The \"",
    "Invalid UpdateExpression: The expression can not be empty;",
    "Invalid UpdateExpression: Two document paths overlap with each other;",
    "One or more parameter values were invalid: An number set  may not be empty",
    "One or more parameter values were invalid: An string set  may not be empty",
    "Value provided in ExpressionAttributeNames unused in expressions",
    "Value provided in ExpressionAttributeValues unused in expressions",
];

/// An error of what writes one item.
pub(super) fn of_write(error: ApiError) -> ApiError {
    let what = error.message.strip_prefix("ExpressionAttributeValues contains invalid value: ");
    let what = what.unwrap_or(&error.message);
    if DETECTED_OF_WRITES.iter().any(|start| what.starts_with(start)) { detected(what) } else { error }
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

/// As what has to do with backups says it.
pub(super) fn table_not_found(name: &str) -> ApiError {
    ApiError::user("TableNotFoundException", 400, format!("Table not found: {name}"))
}

pub(super) fn in_use(message: impl Into<String>) -> ApiError {
    ApiError::user("ResourceInUseException", 400, message)
}
