//! How an invocation ended.

use bytes::Bytes;
use serde::Serialize;

/// Who failed. Both are HTTP 200 with `X-Amz-Function-Error` (E-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionErrorKind {
    /// The function's own error, as its runtime reported it.
    Function,
    /// The platform ended it: time-out, exit, oversized response.
    Platform,
}

/// An invocation that ran, well or badly. Open for more kinds of ends (streams, durable executions) later.
#[derive(Clone)]
#[non_exhaustive]
pub struct InvocationOutcome {
    /// The response or the error JSON.
    pub payload: Bytes,
    /// Set when the invocation failed.
    pub error: Option<FunctionErrorKind>,
    /// Last part of the invocation's log when it was asked for.
    pub log_tail: Option<Vec<u8>>,
    /// Figures for the metrics; `None` until the invocation is wholly over.
    pub measurements: Option<Measurements>,
}

/// Figures of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurements {
    /// Duration, microseconds.
    pub duration_us: u64,
    /// Billed, milliseconds.
    pub billed_duration_ms: u64,
    /// Initialization that belongs to this invocation, microseconds.
    pub init_us: Option<u64>,
    /// Highest memory of the environment, MB.
    pub memory_used_max_mb: u64,
}

impl InvocationOutcome {
    /// A response that the function gave.
    pub fn response(payload: Bytes) -> Self {
        Self { payload, error: None, log_tail: None, measurements: None }
    }

    /// An error that the function's runtime reported; `payload` passes through verbatim (R-11).
    pub fn function_error(payload: Bytes) -> Self {
        Self { payload, error: Some(FunctionErrorKind::Function), log_tail: None, measurements: None }
    }

    /// An end that the platform put: `{"errorType": ..., "errorMessage": ...}` in AWS's order of keys.
    pub fn platform_error(error_type: &str, message: &str) -> Self {
        let body = PlatformError { error_type, error_message: message };
        let payload = serde_json::to_vec(&body).unwrap_or_default();
        Self {
            payload: payload.into(),
            error: Some(FunctionErrorKind::Platform),
            log_tail: None,
            measurements: None,
        }
    }

    /// E-02: `Sandbox.Timedout`.
    pub fn timed_out(request_id: &str, timeout_seconds: i64) -> Self {
        Self::platform_error(
            "Sandbox.Timedout",
            &format!("RequestId: {request_id} Error: Task timed out after {timeout_seconds}.00 seconds"),
        )
    }

    /// E-03 and E-04: the runtime's process ended without an answer. `end` is such as `exit status 1` or `signal: killed`;
    /// `None` for exit status 0.
    pub fn runtime_exited(request_id: &str, end: Option<&str>) -> Self {
        let message = match end {
            Some(end) => format!("RequestId: {request_id} Error: Runtime exited with error: {end}"),
            None => format!("RequestId: {request_id} Error: Runtime exited without providing a reason"),
        };
        Self::platform_error("Runtime.ExitError", &message)
    }

    /// E-06: the response was larger than `max` bytes.
    pub fn response_too_large(max: usize) -> Self {
        Self::platform_error(
            "Function.ResponseSizeTooLarge",
            &format!("Response payload size exceeded maximum allowed payload size ({max} bytes)."),
        )
    }
}

#[derive(Serialize)]
struct PlatformError<'a> {
    #[serde(rename = "errorType")]
    error_type: &'a str,
    #[serde(rename = "errorMessage")]
    error_message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(outcome: &InvocationOutcome) -> &str {
        std::str::from_utf8(&outcome.payload).unwrap()
    }

    #[test]
    fn platform_errors_read_as_recorded() {
        assert_eq!(
            text(&InvocationOutcome::timed_out("<uuid>", 1)),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: <uuid> Error: Task timed out after 1.00 seconds"}"#
        );
        assert_eq!(
            text(&InvocationOutcome::runtime_exited("<uuid>", None)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <uuid> Error: Runtime exited without providing a reason"}"#
        );
        assert_eq!(
            text(&InvocationOutcome::response_too_large(crate::limits::RESPONSE_PAYLOAD_BYTES_MAX)),
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
        );
    }
}
