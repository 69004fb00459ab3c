//! What keeps a change from being made: the store, or the service.

use aws_api::error_response::ApiError;
use lambda_model::error::with_causes;
use store::StoreError;

/// An error of the store, or one in the service's words.
#[derive(Debug)]
pub(crate) enum ChangeError {
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
            ChangeError::Store(error) => of_store(error),
            ChangeError::Refused(error) => error,
        }
    }
}

/// Whether who sweeps goes on, as everybody does until the store is closed; what could not be done is said.
pub(crate) fn goes_on(swept: Result<(), ChangeError>, what: &str) -> bool {
    match swept {
        Ok(()) => {}
        Err(ChangeError::Store(StoreError::Closed)) => return false,
        Err(ChangeError::Store(error)) => tracing::error!(error = with_causes(&error), "{what}"),
        Err(ChangeError::Refused(error)) => tracing::error!(error = error.message, "{what}"),
    }
    true
}

/// What the store could not do: a fault of ours, under the code that every service of AWS has for it.
pub(crate) fn of_store(error: StoreError) -> ApiError {
    failed(with_causes(&error))
}

/// A fault of ours; the words are for the log.
pub(crate) fn failed(message: impl Into<String>) -> ApiError {
    ApiError::service("InternalFailure", 500, message)
}
