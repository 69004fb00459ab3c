//! From Pending to Active, and from an update in progress to its success: what a function needs is made ready in the background.
//!
//! What there is to do: the AWS SDK of the runtime, fetched once per runtime and bounded in time. A function whose runtime or SDK
//! is missing becomes Active all the same and says so in its StateReason; an invocation of it then answers what is missing.
//! Preparation is idempotent and is begun again at start for whatever a dead server left unfinished.

use std::{sync::Arc, time::Duration};

use execution::runtimes::{HostRuntimes, SdkState};
use lambda_model::{
    error::with_causes,
    function::{FunctionKey, FunctionRecord},
    limits,
};
use store::Store;

/// Prepares functions.
pub(crate) struct Preparation {
    /// Where records are.
    pub store: Store,
    /// Knows what a runtime needs.
    pub runtimes: Arc<HostRuntimes>,
    /// Whether to fetch SDKs.
    pub fetch_sdk: bool,
}

/// A function at a revision that is not prepared.
pub(crate) struct Unprepared {
    key: FunctionKey,
    revision_id: String,
    runtime: String,
}

impl From<&FunctionRecord> for Unprepared {
    fn from(record: &FunctionRecord) -> Self {
        Self {
            key: record.key.clone(),
            revision_id: record.revision_id.clone(),
            runtime: record.configuration.runtime.clone(),
        }
    }
}

impl Preparation {
    /// Prepares in the background.
    pub(crate) fn begin(self: &Arc<Self>, unprepared: Unprepared) {
        let preparation = Arc::clone(self);
        tokio::spawn(async move {
            let note = preparation.make_ready(&unprepared.runtime).await;
            preparation.finish(&unprepared.key, unprepared.revision_id, note).await;
        });
    }

    /// Makes the runtime ready; what is missing comes back as a sentence for the StateReason.
    async fn make_ready(&self, runtime: &str) -> Option<String> {
        if !self.fetch_sdk {
            return None;
        }
        let bound = Duration::from_millis(limits::SDK_PREPARATION_TIMEOUT_MS);
        match tokio::time::timeout(bound, self.runtimes.ensure_sdk(runtime)).await {
            Ok(SdkState::Present(_) | SdkState::NotNeeded) => None,
            Ok(SdkState::Missing(reason)) => Some(reason),
            Err(_) => Some(format!(
                "The AWS SDK of {runtime} did not arrive within {} seconds; the function runs without it until it does.",
                bound.as_secs()
            )),
        }
    }

    /// Activates the function, unless it was changed or deleted meanwhile.
    async fn finish(&self, key: &FunctionKey, expected: String, note: Option<String>) {
        let changed = self.store.update_function(key, move |record| {
            if record.revision_id != expected {
                return Err(Superseded);
            }
            record.become_active(aws_api::request_id::new(), note);
            Ok(())
        });
        if let Err(error) = changed.await {
            tracing::error!(function = %key.name, error = with_causes(&error), "function not activated");
        }
    }
}

/// Another change has come; its own preparation will finish it.
struct Superseded;
