//! What the store keeps of a function version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FunctionConfiguration, FunctionKey, FunctionState, LATEST, LastUpdateStatus};

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
    /// Changes with every mutation, state transitions and policies included (S-05).
    pub revision_id: String,
    /// Changes with code and settings only: an environment never outlives a change of it.
    #[serde(default)]
    pub deployment_id: String,
    /// Unix time of the last change by a caller, milliseconds.
    pub last_modified_ms: i64,
    /// Tags of the function (kept on `$LATEST`).
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Reserved concurrency of all versions together (kept on `$LATEST`; C-04).
    #[serde(default)]
    pub reserved_concurrency: Option<u32>,
    /// The highest number that a version ever had, deleted ones included (kept on `$LATEST`).
    #[serde(default)]
    pub versions_published: u64,
    /// `Allow` or `Terminate` (kept on `$LATEST`; A-13).
    #[serde(default)]
    pub recursive_loop: Option<String>,
    /// How the runtime's version follows AWS's, where a caller said.
    #[serde(default)]
    pub runtime_management: Option<RuntimeManagement>,
    /// For a published version: the description of `$LATEST` at that moment, which tells whether `$LATEST` was changed since (V-01).
    #[serde(default)]
    pub described_as: Option<String>,
}

/// `PutRuntimeManagementConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeManagement {
    /// `Auto`, `FunctionUpdate` or `Manual`.
    pub update_runtime_on: String,
    /// Only with `Manual`.
    pub runtime_version_arn: Option<String>,
}

/// The runnable half of a record while its update is in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviousVersion {
    /// The settings before the update.
    pub configuration: FunctionConfiguration,
    /// The code before the update.
    pub code: CodeReference,
    /// The deployment that ran.
    pub deployment_id: String,
}

impl FunctionRecord {
    /// The `$LATEST` of a new function: Pending until it is prepared (S-01).
    pub fn new(
        key: FunctionKey,
        configuration: FunctionConfiguration,
        code: CodeReference,
        revision_id: String,
        now_ms: i64,
    ) -> Self {
        Self {
            key,
            version: LATEST.into(),
            configuration,
            code,
            state: FunctionState::Pending,
            state_reason: Some("The function is being created.".into()),
            state_reason_code: Some("Creating".into()),
            last_update_status: LastUpdateStatus::InProgress,
            last_update_status_reason: Some("The function is being created.".into()),
            last_update_status_reason_code: Some("Creating".into()),
            previous: None,
            deployment_id: revision_id.clone(),
            revision_id,
            last_modified_ms: now_ms,
            tags: BTreeMap::new(),
            reserved_concurrency: None,
            versions_published: 0,
            recursive_loop: None,
            runtime_management: None,
            described_as: None,
        }
    }

    /// The deployment that invocations run: while an update is being prepared, the one before it (I-07).
    pub fn running_deployment_id(&self) -> &str {
        self.previous.as_deref().map_or(&self.deployment_id, |previous| &previous.deployment_id)
    }

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
            deployment_id: std::mem::replace(&mut self.deployment_id, revision_id.clone()),
        }));
        self.revision_id = revision_id;
        self.last_update_status = LastUpdateStatus::InProgress;
        self.last_update_status_reason = Some("The function is being created.".into());
        self.last_update_status_reason_code = Some("Creating".into());
        self.last_modified_ms = now_ms;
    }
}
