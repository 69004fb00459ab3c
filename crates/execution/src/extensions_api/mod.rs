//! The Extensions API of one execution environment (B.3): who takes part beside the runtime, and what they are told.
//!
//! Extensions are external, programs of `/opt/extensions` with processes of their own, or internal, part of the runtime's. All of
//! them are in one [`Extensions`], where the driver of the environment puts events and their calls take them. Which call is legal
//! when is decided by [`lambda_model::environment::ExtensionState`].

mod event_next;
mod extensions;
mod register;
mod report_error;

#[cfg(test)]
mod tests;

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
};
use lambda_model::environment::ExtensionTransition;
use uuid::Uuid;

use crate::environment_api::{answers, unknown_call};

pub(crate) use extensions::{Extensions, FunctionMetadata, InvokeEvent};

/// Version prefix of the Extensions API.
pub(crate) const PREFIX: &str = "/2020-01-01/extension/";

const IDENTIFIER: &str = "lambda-extension-identifier";

/// Answers one call; `call` is what comes behind the prefix.
pub(crate) async fn handle(
    call: &str,
    request: Request<Incoming>,
    extensions: &Extensions,
) -> Response<Full<Bytes>> {
    match (request.method(), call) {
        (&Method::POST, "register") => register::handle(request, extensions).await,
        (&Method::GET, "event/next") => event_next::handle(request.headers(), extensions).await,
        (&Method::POST, "init/error") => {
            report_error::handle(request, extensions, ExtensionTransition::InitError).await
        }
        (&Method::POST, "exit/error") => {
            report_error::handle(request, extensions, ExtensionTransition::ExitError).await
        }
        (method, "event/next") => unknown_call(method, Some(&Method::GET)),
        (method, "register" | "init/error" | "exit/error") => unknown_call(method, Some(&Method::POST)),
        (method, _) => unknown_call(method, None),
    }
}

/// Why a call is refused: AWS's error type and message, always with status 403.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    error_type: &'static str,
    message: String,
}

impl Refusal {
    fn new(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into() }
    }

    /// The answer.
    pub(crate) fn answer(self) -> Response<Full<Bytes>> {
        answers::error(StatusCode::FORBIDDEN, self.error_type, &self.message)
    }
}

/// Who calls.
pub(crate) fn identifier(headers: &HeaderMap) -> Result<Uuid, Refusal> {
    let given = headers.get(IDENTIFIER).map(|value| value.to_str().unwrap_or("?")).unwrap_or_default();
    if given.is_empty() {
        return Err(Refusal::new(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        ));
    }
    Uuid::parse_str(given).map_err(|_| {
        Refusal::new("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    })
}
