//! What event source mappings do with a queue of this server, without HTTP between them.

use std::time::Duration;

use aws_api::generated::sqs::types;
use tokio::{sync::watch, time::Instant};

use super::{
    Handled, Sqs,
    error::no_queue,
    queue::{Queue, QueueKey},
    receiving::{Patience, Wanted},
    shown,
};

impl Sqs {
    /// Messages of a queue with all that is known of them; at most `max`, as soon as there are any, hidden for so long. None when the
    /// wait is over, or as soon as `stop` says so.
    ///
    /// # Errors
    /// When there is no such queue, or it cannot be read.
    pub async fn consume(
        &self,
        queue_arn: &str,
        (max, visibility_seconds): (usize, i64),
        wait: Duration,
        stop: &watch::Receiver<bool>,
    ) -> Handled<Vec<types::Message>> {
        let queue = self.queue_of(queue_arn)?;
        let wanted = Wanted { messages_max: max, visibility_seconds };
        let patience = Patience { deadline: Instant::now() + wait, stop: stop.clone() };
        let received = self.receive(&queue, wanted, patience).await?;
        let all = types::ReceiveMessageRequest {
            message_attribute_names: Some(vec!["All".into()]),
            message_system_attribute_names: Some(vec!["All".into()]),
            ..Default::default()
        };
        Ok(received.into_iter().map(|message| shown::message(message, &all)).collect())
    }

    /// Deletes messages by their receipts. One that is expired stays.
    ///
    /// # Errors
    /// When there is no such queue, or it cannot be written.
    pub async fn delete_consumed(&self, queue_arn: &str, handles: Vec<String>) -> Handled<()> {
        let queue = self.queue_of(queue_arn)?;
        self.delete_all(&queue, handles).await.map(drop)
    }

    /// How long a queue hides messages, seconds.
    ///
    /// # Errors
    /// When there is no such queue.
    pub fn visibility_seconds(&self, queue_arn: &str) -> Handled<i64> {
        Ok(self.queue_of(queue_arn)?.settings.visibility_seconds)
    }

    fn queue_of(&self, arn: &str) -> Handled<std::sync::Arc<Queue>> {
        QueueKey::of_arn(arn).and_then(|key| self.registry.queue(&key)).ok_or_else(no_queue)
    }
}
