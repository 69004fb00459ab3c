//! `Invoke` (B.8): RequestResponse, Event and DryRun; and `InvokeAsync`, the older way of Event.

use aws_api::{error_response::ApiError, generated::lambda::types as api, protocol::rest_json::Decoded};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{Response, StatusCode, header::HeaderValue};
use invocation::{AsyncRequest, InvokeRequest, Invoked};
use lambda_model::{LambdaError, function::LATEST, invocation::Invocation, limits};

use super::{LambdaApi, RequestContext, errors, payload, target::Target};
use crate::http::{self, HttpResponse};

impl LambdaApi {
    /// Runs a function and answers with its response, or says whether it could.
    pub(super) async fn invoke(
        &self,
        decoded: Decoded,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<HttpResponse, ApiError> {
        let payload = decoded.payload.clone().unwrap_or_default();
        let input: api::InvocationRequest = decoded.typed()?;
        self.try_invoke(input, payload, context, request_id)
            .await
            .map_err(|error| errors::to_api_error(&error))
    }

    async fn try_invoke(
        &self,
        input: api::InvocationRequest,
        payload: Bytes,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<HttpResponse, LambdaError> {
        let asked = Asked {
            function_name: input.function_name,
            qualifier: input.qualifier,
            client_context: input.client_context,
            log_type: input.log_type,
        };
        let target = self.target(&asked, context).await?;
        match input.invocation_type.as_deref() {
            Some("DryRun") => return self.dry_run(&target),
            Some("Event") => {
                check_event_size(&payload, limits::ASYNC_REQUEST_PAYLOAD_BYTES_MAX, "InvokeFunction")?;
                self.accept(target, payload, context, request_id).await?;
                return Ok(http::empty(StatusCode::ACCEPTED));
            }
            _ => {}
        }
        let request = invoke_request(&asked, target, payload, context, request_id)?;
        Ok(render(self.invoker.invoke(request).await?))
    }

    /// What is invoked, with what was saved before the request.
    pub(super) async fn target(
        &self,
        asked: &Asked,
        context: &RequestContext,
    ) -> Result<Target, LambdaError> {
        let name = asked.function_name.as_deref().unwrap_or_default();
        let target = Target::resolve(name, asked.qualifier.as_deref(), &context.caller)?;
        if target.qualifier.as_deref().is_none_or(|qualifier| qualifier == LATEST) {
            self.watches.settle(&target.key).await;
        }
        Ok(target)
    }

    /// Whether the caller could invoke the function.
    pub(super) fn dry_run(&self, target: &Target) -> Result<HttpResponse, LambdaError> {
        self.invoker.check(&target.key, target.qualifier.as_deref())?;
        Ok(http::empty(StatusCode::NO_CONTENT))
    }

    /// Takes an event for later, in the older way: the answer has a body.
    pub(super) async fn invoke_async(
        &self,
        decoded: Decoded,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<HttpResponse, ApiError> {
        let payload = decoded.payload.clone().unwrap_or_default();
        let input: api::InvokeAsyncRequest = decoded.typed()?;
        let accept = async {
            if payload.is_empty() {
                return Err(LambdaError::InvalidRequestContent(
                    "Could not parse request body into json: No content to map due to end-of-input".into(),
                ));
            }
            let asked = Asked { function_name: input.function_name, ..Asked::default() };
            let target = self.target(&asked, context).await?;
            check_event_size(&payload, limits::INVOKE_ASYNC_PAYLOAD_BYTES_MAX, "InvokeAsync")?;
            self.accept(target, payload, context, request_id).await
        };
        let accepted = accept.await.map_err(|error| errors::to_api_error(&error));
        accepted.map(|()| http::response(StatusCode::ACCEPTED, "application/json", Bytes::from_static(b"{}")))
    }

    /// Keeps an event; it is on disk when this returns.
    async fn accept(
        &self,
        target: Target,
        payload: Bytes,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<(), LambdaError> {
        tracing::trace!(target: "crash_point", "accept: the request is read");
        let request = AsyncRequest {
            key: target.key,
            qualifier: target.qualifier,
            request_id: request_id.to_owned(),
            payload: payload::checked(payload)?,
            trace_id: trace_id(context),
        };
        tracing::trace!(target: "crash_point", "accept: the request is checked");
        self.async_invoker.accept(request).await?;
        tracing::trace!(target: "crash_point", "accept: the answer may leave");
        Ok(())
    }
}

/// In the words of the larger limit that the listener holds (E-14).
fn check_event_size(payload: &Bytes, bytes_max: usize, operation: &str) -> Result<(), LambdaError> {
    if payload.len() <= bytes_max {
        return Ok(());
    }
    let message = format!("Request must be smaller than {bytes_max} bytes for the {operation} operation");
    Err(LambdaError::RequestTooLarge(message))
}

/// What the ways of invoking have in common.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) function_name: Option<String>,
    pub(super) qualifier: Option<String>,
    pub(super) client_context: Option<String>,
    pub(super) log_type: Option<String>,
}

/// The invocation that was asked for.
pub(super) fn invoke_request(
    asked: &Asked,
    target: Target,
    payload: Bytes,
    context: &RequestContext,
    request_id: &str,
) -> Result<InvokeRequest, LambdaError> {
    let invocation = Invocation {
        request_id: request_id.to_owned(),
        payload: payload::checked(payload)?,
        invoked_function_arn: target.arn(),
        trace_id: trace_id(context),
        client_context: client_context(asked.client_context.as_deref())?,
        cognito_identity: None,
        wants_log_tail: asked.log_type.as_deref() == Some("Tail"),
        response_stream: None,
        is_patient: false,
    };
    Ok(InvokeRequest { key: target.key, qualifier: target.qualifier, invocation })
}

/// The client context, decoded (I-03).
fn client_context(header: Option<&str>) -> Result<Option<String>, LambdaError> {
    let Some(encoded) = header.filter(|value| !value.is_empty()) else { return Ok(None) };
    if encoded.len() > limits::CLIENT_CONTEXT_BYTES_MAX {
        return Err(LambdaError::InvalidRequestContent(format!(
            "Client context must be no more than {} bytes",
            limits::CLIENT_CONTEXT_BYTES_MAX
        )));
    }
    let malformed = || {
        LambdaError::InvalidRequestContent(
            "Client context must be a valid Base64-encoded JSON object.".into(),
        )
    };
    let decoded = BASE64_STANDARD.decode(encoded).map_err(|_| malformed())?;
    let value: serde_json::Value = serde_json::from_slice(&decoded).map_err(|_| malformed())?;
    // On one line, since it travels to the runtime in a header.
    Ok(Some(value.to_string()))
}

/// The caller's trace, if it sent one.
fn trace_id(context: &RequestContext) -> Option<String> {
    context.headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn render(invoked: Invoked) -> HttpResponse {
    let mut response = Response::new(http::whole(invoked.outcome.payload));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if invoked.outcome.error.is_some() {
        // Recorded for every kind of function error (E-01).
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    let tail = invoked.outcome.log_tail.map(|tail| BASE64_STANDARD.encode(tail));
    let text = [
        ("x-amz-executed-version", Some(invoked.executed_version.as_str())),
        ("x-amz-log-result", tail.as_deref()),
        ("x-amzn-trace-id", Some(invoked.trace_id.as_str())),
    ];
    for (name, value) in text {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
