//! CloudWatch Logs: groups, streams, events, who is told of new ones.
//!
//! What is stored where is [`store::Logs`]' business; here are AWS's operations on it, the pattern language, and the deliveries of
//! subscription filters ([`subscriptions`]).

mod context;
mod error;
mod events;
mod filter_events;
mod groups;
mod live_tail;
mod operations;
mod paging;
pub mod pattern;
mod put_events;
mod retention;
mod sample;
mod streams;
mod subscription_filters;
pub mod subscriptions;
mod tags;
mod test_metric_filter;

use crate::change::failed;
use aws_api::{
    error_response::ApiError,
    protocol::aws_json::{self, Dialect},
};
use store::Logs;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service.
#[derive(Clone)]
pub struct CloudWatchLogs {
    logs: Logs,
    live_tails: live_tail::Sessions,
}

impl CloudWatchLogs {
    /// What violates a constraint of the model, in the service's words.
    pub const INVALID: &str = "InvalidParameterException";
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_1,
        invalid: Self::INVALID,
        namespace: "",
        query_code: None,
    };

    /// The service, on these logs.
    pub fn new(logs: Logs) -> Self {
        Self { logs, live_tails: live_tail::Sessions::default() }
    }

    /// Work on files: not on a thread that serves others. What functions printed before the question is part of the answer, and so is the
    /// group that their first line makes.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Logs) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let logs = self.logs.clone();
        let done = tokio::task::spawn_blocking(move || {
            logs.settle();
            work(&logs)
        })
        .await;
        done.unwrap_or_else(|_| Err(failed("the work did not end")))
    }
}
