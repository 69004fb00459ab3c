//! What the store keeps of a function version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FunctionConfiguration, FunctionKey, FunctionState, LastUpdateStatus};

/// A package in the content-addressed code store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeReference {
    /// SHA-256 of the zip, lower-case hex: the package's name in the store.
    pub sha256_hex: String,
    /// The same hash as AWS shows it: base64 (Y-05).
    pub code_sha256: String,
    /// Size of the zip, bytes.
    pub code_size_bytes: u64,
}

/// A function version with everything that survives a restart. Immutable once published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// Account, Region, name.
    pub key: FunctionKey,
    /// `$LATEST` or a number.
    pub version: String,
    /// The settings.
    pub configuration: FunctionConfiguration,
    /// The code.
    pub code: CodeReference,
    /// Lifecycle state.
    pub state: FunctionState,
    /// Text beside the state, if it has one.
    pub state_reason: Option<String>,
    /// Code beside the state, if it has one.
    pub state_reason_code: Option<String>,
    /// State of the last update.
    pub last_update_status: LastUpdateStatus,
    /// Text beside `last_update_status`.
    pub last_update_status_reason: Option<String>,
    /// Code beside `last_update_status`.
    pub last_update_status_reason_code: Option<String>,
    /// What invocations run while an update is being prepared: the code and settings before it (I-07).
    pub previous: Option<Box<PreviousVersion>>,
    /// Changes with every mutation, state transitions included (S-05).
    pub revision_id: String,
    /// Unix time of the last change by a caller, milliseconds.
    pub last_modified_ms: i64,
    /// Tags of the function (kept on `$LATEST`).
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The runnable half of a record while its update is in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviousVersion {
    /// The settings before the update.
    pub configuration: FunctionConfiguration,
    /// The code before the update.
    pub code: CodeReference,
    /// The revision that ran.
    pub revision_id: String,
}

impl FunctionRecord {
    /// Ends a creation or an update: the function is Active and runs what it now says. `note` becomes the state's reason.
    pub fn become_active(&mut self, revision_id: String, note: Option<String>) {
        self.state = FunctionState::Active;
        self.state_reason = note;
        self.state_reason_code = None;
        self.last_update_status = LastUpdateStatus::Successful;
        self.last_update_status_reason = None;
        self.last_update_status_reason_code = None;
        self.previous = None;
        self.revision_id = revision_id;
    }

    /// Starts an update: until it is prepared, invocations keep running what ran before (S-02: the reason does say "created").
    pub fn begin_update(&mut self, revision_id: String, now_ms: i64) {
        self.previous = Some(Box::new(PreviousVersion {
            configuration: self.configuration.clone(),
            code: self.code.clone(),
            revision_id: std::mem::replace(&mut self.revision_id, revision_id),
        }));
        self.last_update_status = LastUpdateStatus::InProgress;
        self.last_update_status_reason = Some("The function is being created.".into());
        self.last_update_status_reason_code = Some("Creating".into());
        self.last_modified_ms = now_ms;
    }
}
