//! From errors without a transport to AWS's: code, status, message, and which way the message's key is written.

use aws_api::{error_response::ApiError, generated::lambda::operations::MODEL, schema::Kind};
use lambda_model::LambdaError;

use crate::http::{self, HttpResponse};

/// The response for an error.
pub(crate) fn render(error: &ApiError) -> HttpResponse {
    aws_api::error_response::render(error).map(http::whole)
}

/// AWS's exception for one of ours.
pub(crate) fn to_api_error(error: &LambdaError) -> ApiError {
    let message = error.to_string();
    let error = match error {
        LambdaError::ResourceNotFound(_) => ApiError::user("ResourceNotFoundException", 404, message),
        LambdaError::ProvisionedConcurrencyConfigNotFound => {
            ApiError::user("ProvisionedConcurrencyConfigNotFoundException", 404, message)
        }
        LambdaError::ResourceConflict(_) => ApiError::user("ResourceConflictException", 409, message),
        LambdaError::AccessDenied(_) => ApiError::user("AccessDeniedException", 403, message),
        LambdaError::PreconditionFailed(_) => ApiError::user("PreconditionFailedException", 412, message),
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
        LambdaError::PolicyLengthExceeded(_) => ApiError::user("PolicyLengthExceededException", 400, message),
        LambdaError::CodeStorageExceeded => ApiError::user("CodeStorageExceededException", 400, message),
        LambdaError::RecursiveInvocation => ApiError::user("RecursiveInvocationException", 400, message),
        LambdaError::TooManyRequests(reason) => ApiError::user("TooManyRequestsException", 429, message)
            .with_member("Reason", reason.as_str().into())
            .with_header("retry-after", "1"),
        LambdaError::NotImplemented(_) => ApiError::user("NotImplemented", 501, message),
        LambdaError::InvalidRuntime(_) => ApiError::service("InvalidRuntimeException", 502, message),
        LambdaError::Service(detail) => {
            tracing::error!(%detail, "internal error");
            ApiError::service("ServiceException", 500, "An internal error occurred.")
        }
    };
    ApiError { capital_message: has_capital_message(error.code), ..error }
}

/// Whether the exception's member is `Message`, not `message`: AWS has both, and its model tells which (E-10).
fn has_capital_message(exception: &str) -> bool {
    let shape = MODEL.shapes.iter().find(|shape| shape.name == exception);
    shape.is_some_and(|shape| match shape.kind {
        Kind::Structure { members, .. } => members.iter().any(|member| member.wire_name == "Message"),
        _ => false,
    })
}

/// An operation of the model that has no handler.
pub(super) fn not_implemented(operation: &str) -> ApiError {
    to_api_error(&LambdaError::NotImplemented(format!("{operation} is not implemented by this server.")))
}

/// A method and path that no operation has.
pub(super) fn unknown_operation() -> ApiError {
    ApiError::user("UnknownOperationException", 404, "The requested operation is not recognized.")
}

/// The caller's own request id is none (I-04).
pub(super) fn bad_request_id() -> ApiError {
    to_api_error(&LambdaError::InvalidRequestContent("x-amzn-RequestId must be a UUID.".into()))
}

#[cfg(test)]
mod tests {
    use lambda_model::error::ThrottleReason;

    use super::*;

    #[test]
    fn e_17_statuses_are_those_of_the_model() {
        let text = String::new;
        let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
        for error in [
            LambdaError::ResourceNotFound(text()),
            LambdaError::ProvisionedConcurrencyConfigNotFound,
            LambdaError::ResourceConflict(text()),
            LambdaError::PreconditionFailed(text()),
            LambdaError::InvalidParameterValue(text()),
            LambdaError::InvalidRequestContent(text()),
            LambdaError::RequestTooLarge(text()),
            LambdaError::PolicyLengthExceeded(text()),
            LambdaError::CodeStorageExceeded,
            LambdaError::TooManyRequests(reason),
            LambdaError::InvalidRuntime(text()),
            LambdaError::Service(text()),
        ] {
            let error = to_api_error(&error);
            let shape = MODEL.shapes.iter().find(|shape| shape.name == error.code);
            let Some(Kind::Structure { error_status, .. }) = shape.map(|shape| &shape.kind) else {
                panic!("{} is not in the model", error.code)
            };
            assert_eq!(*error_status, Some(error.status), "{}", error.code);
        }
    }

    #[test]
    fn the_message_is_written_as_the_model_writes_it() {
        let text = String::new;
        for (error, capital) in [
            (LambdaError::ResourceNotFound(text()), true),
            (LambdaError::InvalidRuntime(text()), true),
            (LambdaError::Service(text()), true),
            (LambdaError::ResourceConflict(text()), false),
            (LambdaError::InvalidParameterValue(text()), false),
            (LambdaError::PreconditionFailed(text()), false),
            (LambdaError::Validation(text()), false),
        ] {
            assert_eq!(to_api_error(&error).capital_message, capital, "{error:?}");
        }
    }
}
