//! `InvokeWithResponseStream` (P-05): the response as an event stream, `PayloadChunk` by `PayloadChunk`, `InvokeComplete` last.

use aws_api::{
    error_response::ApiError,
    generated::lambda::types as api,
    protocol::{event_stream, rest_json::Decoded},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::header::HeaderValue;
use invocation::{StreamEvent, Streamed};
use lambda_model::{LambdaError, invocation::InvocationOutcome};

use super::{
    LambdaApi, RequestContext, errors,
    invoke::{Asked, invoke_request},
};
use crate::{
    http::{self, HttpResponse},
    pieces::{PieceSender, ReaderGone},
};

impl LambdaApi {
    /// Runs a function and passes its response on while it is being made.
    pub(super) async fn invoke_with_response_stream(
        &self,
        decoded: Decoded,
        context: &RequestContext,
        request_id: &str,
    ) -> Result<HttpResponse, ApiError> {
        let payload = decoded.payload.clone().unwrap_or_default();
        let input: api::InvokeWithResponseStreamRequest = decoded.typed()?;
        self.try_invoke_with_response_stream(input, payload, context, request_id)
            .await
            .map_err(|error| errors::to_api_error(&error))
    }

    async fn try_invoke_with_response_stream(
        &self,
        input: api::InvokeWithResponseStreamRequest,
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
        if input.invocation_type.as_deref() == Some("DryRun") {
            return self.dry_run(&target);
        }
        let request = invoke_request(&asked, target, payload, context, request_id)?;
        Ok(render(self.invoker.invoke_streaming(request).await?))
    }
}

fn render(streamed: Streamed) -> HttpResponse {
    let Streamed { executed_version, trace_id, first, mut rest, .. } = streamed;
    let (sender, mut response) = http::response_in_pieces(event_stream::CONTENT_TYPE);
    tokio::spawn(async move {
        let mut next = Some(first);
        while let Some(event) = next {
            let is_end = !matches!(event, StreamEvent::Begun(_) | StreamEvent::Chunk(_));
            // Whoever leaves is missed by nobody: what the function still sends goes nowhere.
            if send(event, &sender).await.is_err() || is_end {
                return;
            }
            next = rest.recv().await;
        }
    });
    for (name, value) in [("x-amz-executed-version", executed_version), ("x-amzn-trace-id", trace_id)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn send(event: StreamEvent, to: &PieceSender) -> Result<(), ReaderGone> {
    match event {
        // Its headers have said so.
        StreamEvent::Begun(_) => Ok(()),
        StreamEvent::Chunk(piece) => to.send(chunk(&piece)).await,
        StreamEvent::End(outcome) => {
            // A function that does not stream gives its response in one piece (P-07).
            if outcome.error.is_none() && !outcome.payload.is_empty() {
                to.send(chunk(&outcome.payload)).await?;
            }
            to.send(complete(&outcome)).await
        }
        StreamEvent::Failed(error) => to.send(failed(&error)).await,
    }
}

fn chunk(payload: &[u8]) -> Bytes {
    event_stream::event("PayloadChunk", "application/octet-stream", payload)
}

/// The last event. The code is that of every function error (E-01), the details are what an invoker gets as payload.
fn complete(outcome: &InvocationOutcome) -> Bytes {
    let has_failed = outcome.error.is_some();
    last(&api::InvokeWithResponseStreamCompleteEvent {
        error_code: has_failed.then(|| "Unhandled".to_owned()),
        error_details: has_failed.then(|| String::from_utf8_lossy(&outcome.payload).into_owned()),
        log_result: outcome.log_tail.as_ref().map(|tail| BASE64_STANDARD.encode(tail)),
    })
}

/// The last event of an invocation that broke here: its status has been sent.
fn failed(error: &LambdaError) -> Bytes {
    let error = errors::to_api_error(error);
    last(&api::InvokeWithResponseStreamCompleteEvent {
        error_code: Some(error.code.to_owned()),
        error_details: Some(error.message),
        log_result: None,
    })
}

fn last(event: &api::InvokeWithResponseStreamCompleteEvent) -> Bytes {
    let payload = serde_json::to_vec(event).unwrap_or_default();
    event_stream::event("InvokeComplete", "application/json", &payload)
}
