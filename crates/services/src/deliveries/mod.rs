//! What targets are to be told, out of the outbox: destinations and dead-letter queues of asynchronous invocations, and subscribers of
//! topics outside.
//!
//! ```text
//! outbox ──► line of the target: claim what is due ──► deliver ──► taken from the outbox
//!               ▲                                        │ failed: counted, and again after 1 s, doubling to 5 min
//!               └────────────────────────────────────────┘ for 14 days, or as its sender says, then given up
//! ```
//! What comes of a service, on behalf of a bucket or a rule, is let in by the target's own policy or given up (`giving_up.rs`).
//! Each target has a line of its own: nothing waits behind a target that cannot be reached. What goes to a service of this server is
//! delivered and taken from the outbox in one transaction, and so exactly once; anything else at least once. Subscribers are told as
//! often as their subscription says (`subscriber.rs`).

mod api_destination;
mod giving_up;
mod line;
mod subscriber;
mod target;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use lambda_model::ports::{Clock, FunctionCatalog, MetricSink};
use store::{Logs, Queues, StoreError};
use tokio::{runtime::Handle, sync::Notify, time::Instant};

use crate::{eventbridge::EventBridge, s3::S3, sns::Sns, sqs::Sqs, targets::Targets};

/// What deliveries are made with.
pub struct DeliveryParts {
    /// Where they wait.
    pub queues: Queues,
    /// Functions that may be targets.
    pub catalog: Arc<dyn FunctionCatalog>,
    /// Counts what fails.
    pub metrics: Arc<dyn MetricSink>,
    /// When they are due.
    pub clock: Arc<dyn Clock>,
    /// Queues that may be targets.
    pub sqs: Sqs,
    /// Topics that may be targets.
    pub sns: Sns,
    /// Buckets that may be targets.
    pub s3: S3,
    /// Buses that may be targets.
    pub events: EventBridge,
    /// Log groups that may be targets.
    pub logs: Logs,
    /// Whom the policies of targets let in.
    pub targets: Targets,
}

/// Delivers.
pub struct Deliveries {
    parts: DeliveryParts,
    /// The targets that something waits for, and how to wake who delivers to them.
    lines: Mutex<HashMap<String, Arc<Notify>>>,
    /// When the last went to each subscriber who says how fast.
    turns: Mutex<HashMap<String, Instant>>,
    own: Weak<Self>,
    runtime: Handle,
}

impl Deliveries {
    /// In a runtime; nothing is delivered before [`Deliveries::resume`].
    pub fn new(parts: DeliveryParts) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            parts,
            lines: Mutex::default(),
            turns: Mutex::default(),
            own: own.clone(),
            runtime: Handle::current(),
        })
    }

    /// Begins with what an earlier server left.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let targets = self.parts.queues.targets().await?;
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
