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
use store::{Store, StoreError};

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
    version: String,
    deployment_id: String,
    runtime: String,
}

impl From<&FunctionRecord> for Unprepared {
    fn from(record: &FunctionRecord) -> Self {
        Self {
            key: record.key.clone(),
            version: record.version.clone(),
            deployment_id: record.deployment_id.clone(),
            runtime: record.configuration.runtime.clone(),
        }
    }
}

impl Preparation {
    /// Prepares in the background; `is_ready` is called when that is done, also when the function was changed or deleted meanwhile.
    pub(crate) fn begin(self: &Arc<Self>, unprepared: Unprepared, is_ready: impl FnOnce() + Send + 'static) {
        let preparation = Arc::clone(self);
        tokio::spawn(async move {
            let note = preparation.make_ready(&unprepared.runtime).await;
            preparation.finish(unprepared, note).await;
            is_ready();
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

    /// Activates the version, unless it was changed or deleted meanwhile.
    async fn finish(&self, unprepared: Unprepared, note: Option<String>) {
        let Unprepared { key, version, deployment_id, .. } = unprepared;
        let changed = self.store.update_function(&key, &version, move |record| {
            if record.deployment_id != deployment_id {
                return Err(Unfinished::Superseded);
            }
            record.become_active(aws_api::request_id::new(), note);
            Ok(())
        });
        if let Err(Unfinished::Store(error)) = changed.await {
            tracing::error!(function = %key.name, error = with_causes(&error), "function not activated");
        }
    }
}

/// Why a function was not activated.
enum Unfinished {
    /// Another change has come; its own preparation will finish it.
    Superseded,
    /// It could not be written.
    Store(StoreError),
}

impl From<StoreError> for Unfinished {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
