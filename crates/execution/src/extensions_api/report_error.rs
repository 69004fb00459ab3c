//! `POST /extension/init/error` and `/extension/exit/error`: an extension that cannot go on says so before it ends.

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
};
use lambda_model::environment::ExtensionTransition;

use super::{Extensions, Refusal, identifier};
use crate::environment_api::{answers, body};

const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// Takes the report; what else the body says is the extension's own.
pub(super) async fn handle(
    request: Request<Incoming>,
    extensions: &Extensions,
    transition: ExtensionTransition,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let _ = body::receive(body).await;
    match report(&parts.headers, extensions, transition) {
        Ok(()) => answers::accepted(),
        Err(refusal) => refusal.answer(),
    }
}

fn report(
    headers: &HeaderMap,
    extensions: &Extensions,
    transition: ExtensionTransition,
) -> Result<(), Refusal> {
    let id = identifier(headers)?;
    let error_type = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if error_type.is_empty() {
        let text = "Lambda-Extension-Function-Error-Type not found";
        return Err(Refusal::new("Extension.MissingHeader", text));
    }
    extensions.report(id, transition, error_type)
}
