//! What targets are to be told, out of the outbox: destinations and dead-letter queues of asynchronous invocations.
//!
//! ```text
//! outbox ──► line of the target: claim what is due ──► deliver ──► taken from the outbox
//!               ▲                                        │ failed: counted, and again after 1 s, doubling to 5 min
//!               └────────────────────────────────────────┘ for 14 days, then given up with an error in the log
//! ```
//! Each target has a line of its own: nothing waits behind a target that cannot be reached. What goes to a service of this server is
//! delivered and taken from the outbox in one transaction, and so exactly once; anything else at least once.

mod line;
mod target;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use lambda_model::ports::{Clock, FunctionCatalog, MetricSink};
use store::{Queues, StoreError};
use tokio::{runtime::Handle, sync::Notify};

use crate::sqs::Sqs;

/// Delivers.
pub struct Deliveries {
    queues: Queues,
    catalog: Arc<dyn FunctionCatalog>,
    metrics: Arc<dyn MetricSink>,
    clock: Arc<dyn Clock>,
    sqs: Sqs,
    /// The targets that something waits for, and how to wake who delivers to them.
    lines: Mutex<HashMap<String, Arc<Notify>>>,
    own: Weak<Self>,
    runtime: Handle,
}

impl Deliveries {
    /// In a runtime; nothing is delivered before [`Deliveries::resume`].
    pub fn new(
        queues: Queues,
        catalog: Arc<dyn FunctionCatalog>,
        metrics: Arc<dyn MetricSink>,
        clock: Arc<dyn Clock>,
        sqs: Sqs,
    ) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            queues,
            catalog,
            metrics,
            clock,
            sqs,
            lines: Mutex::default(),
            own: own.clone(),
            runtime: Handle::current(),
        })
    }

    /// Begins with what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let targets = self.queues.targets().await?;
        tracing::trace!(target: "crash_point", "resume: the targets are read");
        targets.iter().for_each(|target| self.wake(target));
        Ok(())
    }

    /// There is something for the target.
    pub fn wake(&self, target: &str) {
        let mut lines = self.lines();
        if let Some(woken) = lines.get(target) {
            woken.notify_one();
            return;
        }
        let Some(own) = self.own.upgrade() else { return };
        tracing::trace!(target: "crash_point", "deliveries: a line begins");
        let woken = Arc::new(Notify::new());
        lines.insert(target.to_owned(), Arc::clone(&woken));
        self.runtime.spawn(line::run(own, target.to_owned(), woken));
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
