//! What follows from a committed change of a function, whoever made it and whether or not they still wait: invocations see it at
//! once, environments of what was before are retired, and what is Pending is prepared.
//!
//! ```text
//! store's writer ──commit──► Deployment: catalog (at once)
//!                               └──► task: retire environments, begin preparation
//! ```

use std::sync::Arc;

use lambda_model::{
    function::{FunctionKey, FunctionRecord, FunctionState, LastUpdateStatus},
    ports::ExecutionEnvironments,
};
use store::CommitObserver;
use tokio::sync::mpsc;

use crate::{
    catalog::Catalog,
    preparation::{Preparation, Unprepared},
};

/// Told by the store.
pub(crate) struct Deployment {
    catalog: Arc<Catalog>,
    /// Its length has no bound of its own: each entry is a commit that a client waited for.
    follow_ups: mpsc::UnboundedSender<FollowUp>,
}

/// What is left to do after a commit.
struct FollowUp {
    key: FunctionKey,
    /// The revision that invocations run from now on; `None` when the function is gone.
    running: Option<String>,
    unprepared: Option<Unprepared>,
}

/// The other end: what [`FollowUps::run`] works off.
pub(crate) struct FollowUps(mpsc::UnboundedReceiver<FollowUp>);

impl Deployment {
    /// Keeps `catalog` as the store is.
    pub(crate) fn new(catalog: Arc<Catalog>) -> (Arc<Self>, FollowUps) {
        let (follow_ups, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { catalog, follow_ups }), FollowUps(receiver))
    }
}

impl CommitObserver for Deployment {
    fn stored(&self, record: &FunctionRecord) {
        let running = self.catalog.put(record);
        let is_unprepared = record.state == FunctionState::Pending
            || record.last_update_status == LastUpdateStatus::InProgress;
        let unprepared = is_unprepared.then(|| Unprepared::from(record));
        let _ =
            self.follow_ups.send(FollowUp { key: record.key.clone(), running: Some(running), unprepared });
    }

    fn deleted(&self, key: &FunctionKey) {
        self.catalog.remove(key);
        let _ = self.follow_ups.send(FollowUp { key: key.clone(), running: None, unprepared: None });
    }
}

impl FollowUps {
    /// Works until the store is gone.
    pub(crate) async fn run(
        mut self,
        environments: Arc<dyn ExecutionEnvironments>,
        preparation: Arc<Preparation>,
    ) {
        while let Some(FollowUp { key, running, unprepared }) = self.0.recv().await {
            environments.retire(&key, running.as_deref());
            if let Some(unprepared) = unprepared {
                preparation.begin(unprepared);
            }
        }
    }
}
