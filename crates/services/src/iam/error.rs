//! IAM's errors: codes and statuses of the API model.

use aws_api::error_response::ApiError;
use store::StoreError;
use thiserror::Error;

/// Why an operation was refused. The text is what the caller reads.
#[derive(Debug, Error)]
pub(crate) enum IamError {
    #[error("{0}")]
    NoSuchEntity(String),
    #[error("{0}")]
    EntityAlreadyExists(String),
    #[error("{0}")]
    DeleteConflict(String),
    #[error("{0}")]
    MalformedPolicyDocument(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    InvalidInput(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    UnmodifiableEntity(String),
    #[error("{0}")]
    AccessDenied(String),
    /// Code, status and text of an error that one kind of entity has.
    #[error("{2}")]
    Other(&'static str, u16, String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IamError> for ApiError {
    fn from(error: IamError) -> Self {
        let (code, status) = match &error {
            IamError::NoSuchEntity(_) => ("NoSuchEntity", 404),
            IamError::EntityAlreadyExists(_) => ("EntityAlreadyExists", 409),
            IamError::DeleteConflict(_) => ("DeleteConflict", 409),
            IamError::MalformedPolicyDocument(_) => ("MalformedPolicyDocument", 400),
            IamError::LimitExceeded(_) => ("LimitExceeded", 409),
            IamError::InvalidInput(_) => ("InvalidInput", 400),
            IamError::Validation(_) => ("ValidationError", 400),
            IamError::UnmodifiableEntity(_) => ("UnmodifiableEntity", 400),
            IamError::AccessDenied(_) => ("AccessDenied", 403),
            IamError::Other(code, status, _) => (*code, *status),
            // What is wrong with the disk is for the operator, who finds it in the server's log.
            IamError::Store(_) => {
                return ApiError::service(
                    "ServiceFailure",
                    500,
                    "The service cannot be reached at the moment.",
                );
            }
        };
        ApiError::user(code, status, error.to_string())
    }
}
