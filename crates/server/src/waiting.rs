//! What is on disk and waits: whoever works on it is told, by the thread that put it there.

use std::sync::Arc;

use invocation::AsyncInvoker;
use lambda_model::function::FunctionKey;
use services::{deliveries::Deliveries, sqs::Registry};
use store::QueueObserver;

/// See the module's doc.
pub(crate) struct Waiting {
    /// Runs events.
    pub async_invoker: Arc<AsyncInvoker>,
    /// Tells targets.
    pub deliveries: Arc<Deliveries>,
    /// Wakes receivers.
    pub messages: Arc<Registry>,
}

impl QueueObserver for Waiting {
    fn event_waits(&self, key: &FunctionKey, resource: &str) {
        self.async_invoker.accepted(key, resource);
    }

    fn message_waits(&self, queue: &str) {
        self.messages.wake(queue);
    }

    fn delivery_waits(&self, target: &str) {
        self.deliveries.wake(target);
    }
}
