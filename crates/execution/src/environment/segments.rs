//! The segment of an invocation that the function's tracing samples (Z-01), kept where those are that the function sends itself.

use lambda_model::invocation::Invocation;
use serde_json::json;
use tokio::time::Instant;

use super::{Environment, outcome::Ended};
use crate::clock;

impl Environment {
    /// Keeps the segment, with the cause of an error where the runtime told one.
    pub(super) fn keep_segment(&self, invocation: &Invocation, started: Instant, ended: &Ended) {
        let Some((trace_id, id)) = self.sampled(invocation) else { return };
        let end_time = std::time::Duration::from_millis(clock::unix_ms()).as_secs_f64();
        let mut segment = json!({
            "trace_id": trace_id,
            "id": id,
            "name": self.version.key.name,
            "origin": "AWS::Lambda::Function",
            "start_time": end_time - started.elapsed().as_secs_f64(),
            "end_time": end_time,
            "aws": {"request_id": invocation.request_id, "function_arn": invocation.invoked_function_arn},
        });
        if ended.outcome.error.is_some() {
            segment["fault"] = json!(true);
        }
        if let Some(cause) = self.api.shared.runtime.take_error_cause() {
            segment["cause"] = json!(cause);
        }
        self.xray.keep(&segment);
    }
}
