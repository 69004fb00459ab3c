//! What an HTTP API answers in the place of an integration, in API Gateway's words.

use hyper::StatusCode;
use lambda_model::http_event::answer::Malformed;
use serde_json::{Value, json};

use crate::{
    authentication::AuthenticationFailure,
    gateway::functions::NotInvoked,
    http::{self, BodyError, HttpResponse},
};

/// See the module's doc.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No stage, or no route.
    NotFound,
    /// The caller did not say who it is, or is not believed.
    Unauthorized,
    /// The caller may not.
    Forbidden,
    /// The route has as many requests as it takes.
    TooManyRequests,
    /// The body did not come, or there is too much of it.
    Unread(BodyError),
    /// The integration failed, may not be invoked, or answers what is no answer.
    Failed,
    /// The integration cannot be reached, or takes too long, or takes no more.
    Unavailable,
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::Unread(error)
    }
}

impl From<AuthenticationFailure> for Refusal {
    fn from(_: AuthenticationFailure) -> Self {
        Self::Forbidden
    }
}

impl From<NotInvoked> for Refusal {
    fn from(why: NotInvoked) -> Self {
        match why {
            NotInvoked::Failed => Self::Failed,
            NotInvoked::TooLarge => Self::Unread(BodyError::TooLarge),
            NotInvoked::Throttled => Self::Unavailable,
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(why: Malformed) -> Self {
        tracing::info!(%why, "what a function returned to its API is no answer");
        Self::Failed
    }
}

impl Refusal {
    /// `$context.error`.
    pub(super) fn shown(&self) -> Value {
        let (_, message) = self.told();
        json!({"message": message, "messageString": format!("\"{message}\"")})
    }

    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Refusal::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Refusal::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Refusal::Unread(BodyError::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            Refusal::Unread(BodyError::Broken) => (StatusCode::BAD_REQUEST, "Bad Request"),
            Refusal::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        let (status, message) = refusal.told();
        http::json(status, &json!({"message": message}))
    }
}
