//! EventBridge Scheduler: schedules in groups, each with one target.
//!
//! ```text
//!  CreateSchedule ──► checked: expression, time zone, target ──► kept ──► registry ──► appointment ([`crate::schedules`])
//!                                                        due: outbox of the target ([`invocation`]) ──► line of the target
//! ```
//! A schedule invokes its target in the name of its role, so nobody asks the target's own policy.

mod checks;
mod error;
mod groups;
mod invocation;
mod operations;
mod record;
mod registry;
mod schedules;
mod tags;
mod timetable;
mod zone;

use std::sync::Arc;

use aws_api::error_response::ApiError;
use lambda_model::ports::{Clock, ScheduleMetrics};
use store::Store;

pub use registry::Registry;

use crate::{iam::Directory, schedules::Keeper};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    store: Store,
    registry: Arc<Registry>,
    directory: Arc<Directory>,
}

impl Scheduler {
    /// The service, with the schedules that the registry knows and the roles that the directory knows.
    pub fn new(store: Store, registry: Arc<Registry>, directory: Arc<Directory>) -> Self {
        Self { store, registry, directory }
    }

    /// Has what is due delivered, until the store is closed.
    pub async fn run_schedules(self, clock: Arc<dyn Clock>, metrics: Arc<dyn ScheduleMetrics>) {
        let queues = self.store.queues();
        Keeper { timetable: self, queues, clock, metrics }.run().await;
    }
}
