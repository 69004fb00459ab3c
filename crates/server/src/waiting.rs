//! What is on disk and waits: whoever works on it is told, by the thread that put it there.

use std::sync::Arc;

use invocation::AsyncInvoker;
use lambda_model::function::FunctionKey;
use services::deliveries::Deliveries;
use store::QueueObserver;

/// See the module's doc.
pub(crate) struct Waiting {
    /// Runs events.
    pub async_invoker: Arc<AsyncInvoker>,
    /// Tells targets.
    pub deliveries: Arc<Deliveries>,
}

impl QueueObserver for Waiting {
    fn event_waits(&self, key: &FunctionKey, resource: &str) {
        self.async_invoker.accepted(key, resource);
    }

    fn delivery_waits(&self, target: &str) {
        self.deliveries.wake(target);
    }
}
