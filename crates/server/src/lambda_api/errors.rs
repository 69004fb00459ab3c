//! From errors without a transport to AWS's: code, status, message, and which way the message's key is written.

use aws_api::error_response::ApiError;
use lambda_model::LambdaError;

use crate::http::{self, HttpResponse};

/// The response for an error.
pub(super) fn render(error: &ApiError) -> HttpResponse {
    aws_api::error_response::render(error).map(http::whole)
}

/// AWS's exception for one of ours. `Message` is capitalised for 404, 409 and 412, as recorded (E-10).
pub(super) fn to_api_error(error: &LambdaError) -> ApiError {
    let message = error.to_string();
    match error {
        LambdaError::ResourceNotFound(_) => {
            ApiError::user("ResourceNotFoundException", 404, message).capital_message()
        }
        LambdaError::ResourceConflict(_) => {
            ApiError::user("ResourceConflictException", 409, message).capital_message()
        }
        LambdaError::PreconditionFailed(_) => {
            ApiError::user("PreconditionFailedException", 412, message).capital_message()
        }
        LambdaError::InvalidParameterValue(_) => {
            ApiError::user("InvalidParameterValueException", 400, message)
        }
        LambdaError::Validation(_) => ApiError::user("ValidationException", 400, message),
        LambdaError::InvalidRequestContent(_) => {
            ApiError::user("InvalidRequestContentException", 400, message)
        }
        LambdaError::RequestTooLarge(_) => ApiError::user("RequestTooLargeException", 413, message),
        LambdaError::RequestEntityTooLarge(_) => {
            ApiError::user("RequestEntityTooLargeException", 413, message)
        }
        LambdaError::CodeStorageExceeded => ApiError::user("CodeStorageExceededException", 400, message),
        LambdaError::TooManyRequests(reason) => ApiError::user("TooManyRequestsException", 429, message)
            .with_member("Reason", reason.as_str().into())
            .with_header("retry-after", "1"),
        LambdaError::NotImplemented(_) => ApiError::user("NotImplemented", 501, message),
        LambdaError::InvalidRuntime(_) => {
            ApiError::service("InvalidRuntimeException", 502, message).capital_message()
        }
        LambdaError::Service(detail) => {
            tracing::error!(%detail, "internal error");
            ApiError::service("ServiceException", 500, "An internal error occurred.")
        }
    }
}

/// An operation of the model that has no handler.
pub(super) fn not_implemented(operation: &str) -> ApiError {
    to_api_error(&LambdaError::NotImplemented(format!("{operation} is not implemented by this server.")))
}

/// A method and path that no operation has.
pub(super) fn unknown_operation() -> ApiError {
    ApiError::user("UnknownOperationException", 404, "The requested operation is not recognized.")
}

/// The store failed; its words go to the log only.
pub(super) fn store_failed(error: store::StoreError) -> LambdaError {
    LambdaError::Service(error.to_string())
}
