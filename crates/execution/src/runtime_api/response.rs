//! `POST /runtime/invocation/{id}/response`: collected, or passed on as it comes where the caller wants it so.
//!
//! A runtime that asks for its next event at once may say so with its answer, in a header of Lambent's own (`Lambent-Runtime-Then: next`). It
//! then hears of that event instead of a 202: two calls in one, each of which would wake it and this server once. Runtimes that know
//! nothing of it call as they always did, and one that does may be answered with a 202 all the same.

use std::sync::Arc;

use http_body_util::Full;
use hyper::{HeaderMap, Request, Response, StatusCode, body::Bytes, body::Incoming};
use lambda_model::{
    environment::RuntimeTransition,
    limits::{RESPONSE_PAYLOAD_BYTES_MAX, STREAMED_RESPONSE_BYTES_MAX},
    ports::ResponseStream,
};

use super::{
    Exchange, answers,
    body::{self, Received},
    exchange::RuntimeEvent,
    mid_stream_error,
    next::{self, refuse},
    passing_on::{self, Passed},
};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const THEN: &str = "lambent-runtime-then";

/// What the driver hears, and what the runtime.
type Answer = (RuntimeEvent, Response<Full<Bytes>>);

/// Takes the answer to the current invocation.
pub(super) async fn handle(
    id: &str,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Response<Full<Bytes>> {
    let invocation = match exchange.current(id) {
        Ok(invocation) => invocation,
        Err(refusal) => return refuse(refusal),
    };
    let mode = request.headers().get(RESPONSE_MODE);
    let is_streamed = mode.is_some_and(|mode| mode == "streaming");
    let mode_is_known = mode.is_none() || is_streamed;
    let asks_for_next = request.headers().get(THEN).is_some_and(|then| then == "next");
    let (event, answer) = match &invocation.response_stream {
        Some(stream) if is_streamed => {
            let content_type = request.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            // One who has left is noticed with the first bytes.
            let _ = stream.begin(content_type.map(str::to_owned)).await;
            return pass_on(id, request.into_body(), exchange, stream).await;
        }
        _ => {
            exchange.answer_grows(0);
            collect(request.into_body(), is_streamed, mode_is_known).await
        }
    };
    if let RuntimeEvent::Response(body) = &event {
        exchange.answer_grows(body.len());
    }
    let answer = settle(id, exchange, event, answer);
    if asks_for_next && answer.status() == StatusCode::ACCEPTED {
        return next::handle(exchange).await;
    }
    answer
}

/// Whole answers are what this caller gets, however the function makes them (P-07).
async fn collect(body: Incoming, is_streamed: bool, mode_is_known: bool) -> Answer {
    let (received, trailers) = body::receive_with_trailers(body).await;
    if !mode_is_known {
        let event = RuntimeEvent::Broken { error_type: "Runtime.InvalidResponseModeHeader" };
        return (event, answers::invalid_response_mode());
    }
    match received {
        Received::Complete(body) if is_streamed => (ended(&trailers, body), answers::accepted()),
        Received::Complete(body) => (RuntimeEvent::Response(body), answers::accepted()),
        Received::Oversized => oversized(RESPONSE_PAYLOAD_BYTES_MAX),
        Received::Truncated => truncated(),
    }
}

async fn pass_on(
    id: &str,
    mut body: Incoming,
    exchange: &Exchange,
    stream: &Arc<dyn ResponseStream>,
) -> Response<Full<Bytes>> {
    let (event, answer) = match passing_on::pass_on(&mut body, stream.as_ref(), exchange).await {
        Passed::Complete(trailers) => (ended(&trailers, Bytes::new()), answers::accepted()),
        Passed::Truncated => truncated(),
        Passed::Oversized => {
            let (event, answer) = oversized(STREAMED_RESPONSE_BYTES_MAX);
            // The caller hears of it now; the runtime sees the refusal once it has sent everything.
            let answer = settle(id, exchange, event, answer);
            passing_on::discard(&mut body).await;
            return answer;
        }
    };
    settle(id, exchange, event, answer)
}

fn settle(
    id: &str,
    exchange: &Exchange,
    event: RuntimeEvent,
    answer: Response<Full<Bytes>>,
) -> Response<Full<Bytes>> {
    match exchange.answer(id, RuntimeTransition::Response, event) {
        Ok(()) => answer,
        Err(refusal) => refuse(refusal),
    }
}

/// A response to its end, unless the function failed on the way (P-03).
fn ended(trailers: &HeaderMap, body: Bytes) -> RuntimeEvent {
    match mid_stream_error::of(trailers) {
        Some(error) => RuntimeEvent::Error(error),
        None => RuntimeEvent::Response(body),
    }
}

fn oversized(bytes_max: usize) -> Answer {
    (RuntimeEvent::Oversized { bytes_max }, answers::too_large(bytes_max))
}

fn truncated() -> Answer {
    (RuntimeEvent::Broken { error_type: "Runtime.TruncatedResponse" }, answers::truncated())
}
