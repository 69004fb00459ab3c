//! The event and what travels with it.

use std::sync::Arc;

use bytes::Bytes;

use crate::ports::ResponseStream;

/// One invocation, as an execution environment gets it.
#[derive(Clone)]
pub struct Invocation {
    /// A UUID, the same for every attempt at an event (G-03).
    pub request_id: String,
    /// The event: valid JSON.
    pub payload: Bytes,
    /// ARN as the caller named it: with the qualifier only if one was given.
    pub invoked_function_arn: String,
    /// `X-Amzn-Trace-Id`: the caller's; once it is resolved what function it is of, ready for the runtime.
    pub trace_id: Option<String>,
    /// The client context, JSON text.
    pub client_context: Option<String>,
    /// The Cognito identity, JSON text.
    pub cognito_identity: Option<String>,
    /// Whether the caller wants the tail of the log.
    pub wants_log_tail: bool,
    /// Where a streamed response goes; without it every response is collected.
    pub response_stream: Option<Arc<dyn ResponseStream>>,
    /// Nobody waits for the outcome: rather than have an environment started it may wait a while for one that gets free, and where there are
    /// too many requests a second, for its turn.
    pub is_patient: bool,
}

impl Invocation {
    /// Of an event whose outcome nobody waits for; of the function, its ARN. Its client context is delivered with synchronous ones only
    /// (I-03).
    pub fn of_event(request_id: String, payload: Bytes, invoked_function_arn: String) -> Self {
        Self {
            request_id,
            payload,
            invoked_function_arn,
            trace_id: None,
            client_context: None,
            cognito_identity: None,
            wants_log_tail: false,
            response_stream: None,
            is_patient: true,
        }
    }
}

impl std::fmt::Debug for Invocation {
    /// The payload is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation")
            .field("request_id", &self.request_id)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
