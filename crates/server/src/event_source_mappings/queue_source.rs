//! Where the messages of a mapping of SQS come from.

use std::time::Duration;

use aws_api::{error_response::ApiError, generated::sqs::types, protocol::query_compatible};
use lambda_model::ports::BoxFuture;
use services::sqs::Sqs;
use tokio::sync::watch;

/// What is asked of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Messages at most, up to ten.
    pub messages_max: usize,
    /// How long they are hidden.
    pub visibility_seconds: i64,
    /// How long to wait for the first.
    pub wait: Duration,
}

/// Queues by their ARNs. Errors are in the words of SQS, with its code.
pub(crate) trait QueueSource: Send + Sync {
    /// Messages with all of their attributes. The wait ends early when `stop` says so; what was received is given all the same.
    fn receive<'a>(
        &'a self,
        queue_arn: &'a str,
        wanted: Wanted,
        stop: &'a watch::Receiver<bool>,
    ) -> BoxFuture<'a, Result<Vec<types::Message>, String>>;

    /// Deletes messages by their receipts.
    fn delete<'a>(&'a self, queue_arn: &'a str, handles: Vec<String>) -> BoxFuture<'a, Result<(), String>>;

    /// How long the queue hides messages, seconds.
    fn visibility_seconds<'a>(&'a self, queue_arn: &'a str) -> BoxFuture<'a, Result<i64, String>>;
}

/// The queues of this server.
pub(crate) struct OwnQueues(pub Sqs);

impl QueueSource for OwnQueues {
    fn receive<'a>(
        &'a self,
        queue_arn: &'a str,
        wanted: Wanted,
        stop: &'a watch::Receiver<bool>,
    ) -> BoxFuture<'a, Result<Vec<types::Message>, String>> {
        Box::pin(async move {
            let asked = (wanted.messages_max, wanted.visibility_seconds);
            self.0.consume(queue_arn, asked, wanted.wait, stop).await.map_err(in_words)
        })
    }

    fn delete<'a>(&'a self, queue_arn: &'a str, handles: Vec<String>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.0.delete_consumed(queue_arn, handles).await.map_err(in_words) })
    }

    fn visibility_seconds<'a>(&'a self, queue_arn: &'a str) -> BoxFuture<'a, Result<i64, String>> {
        Box::pin(async move { self.0.visibility_seconds(queue_arn).map_err(in_words) })
    }
}

/// As Lambda tells of errors of SQS (Q-12, recorded).
fn in_words(error: ApiError) -> String {
    in_words_of_sqs(query_compatible::code(error.code), &error.message)
}

/// The same of a code and a message.
pub(crate) fn in_words_of_sqs(code: &str, message: &str) -> String {
    format!("SQS Error Code: {code}. SQS Error Message: {message}")
}
