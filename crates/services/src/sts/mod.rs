//! STS: who a caller is, and temporary credentials.
//!
//! Sessions are not stored ([`sessions`]). What a session may do is not yet enforced; that is why a session policy is checked for
//! its form and otherwise has no effect.

mod caller;
mod operations;
mod roles;
mod sessions;
mod tokens;

use std::sync::Arc;

use aws_api::error_response::ApiError;
use aws_api::generated::sts::types;

use crate::iam::Directory;

pub use roles::FunctionCredentials;
pub use sessions::{Session, Sessions};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service.
#[derive(Clone)]
pub struct Sts {
    sessions: Arc<Sessions>,
    directory: Arc<Directory>,
}

impl Sts {
    /// The service, with the roles that IAM knows.
    pub fn new(sessions: Arc<Sessions>, directory: Arc<Directory>) -> Self {
        Self { sessions, directory }
    }
}

fn validation_error(message: impl Into<String>) -> ApiError {
    ApiError::user("ValidationError", 400, message)
}

fn access_denied(message: impl Into<String>) -> ApiError {
    ApiError::user("AccessDenied", 403, message)
}

/// Credentials of an answer.
fn shown(session: Session) -> types::Credentials {
    types::Credentials {
        access_key_id: Some(session.credentials.access_key_id),
        secret_access_key: Some(session.credentials.secret_access_key),
        session_token: Some(session.credentials.session_token),
        expiration: Some(session.expires_seconds as f64),
    }
}
