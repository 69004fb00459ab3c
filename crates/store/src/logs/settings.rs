//! What is set for a log group: one JSON file in its folder, replaced as a whole.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{StoreError, data_dir::sync_directory, error::at};

const FILE: &str = "group.json";

/// The settings of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroupSettings {
    /// Its name.
    pub name: String,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// Days after which events are deleted; never when absent.
    pub retention_days: Option<i64>,
    /// Named by whoever made it.
    pub tags: BTreeMap<String, String>,
    /// `STANDARD` or another.
    pub class: String,
    /// The key that was asked for; nothing is encrypted with it.
    pub kms_key_id: Option<String>,
    /// Whether it may be deleted.
    pub is_protected: bool,
    /// By name.
    pub subscription_filters: BTreeMap<String, SubscriptionFilter>,
}

/// Where new events of a group go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionFilter {
    /// Which events.
    pub pattern: String,
    /// Where to.
    pub destination_arn: String,
    /// Who brings them there.
    pub role_arn: Option<String>,
    /// `ByLogStream` or `Random`.
    pub distribution: String,
    /// Unix time, milliseconds.
    pub created_ms: i64,
}

impl LogGroupSettings {
    /// Of a new group.
    pub fn new(name: impl Into<String>, created_ms: i64) -> Self {
        Self {
            name: name.into(),
            created_ms,
            retention_days: None,
            tags: BTreeMap::new(),
            class: "STANDARD".into(),
            kms_key_id: None,
            is_protected: false,
            subscription_filters: BTreeMap::new(),
        }
    }

    /// Events older than this are deleted, Unix time in milliseconds.
    pub(super) fn expired_before_ms(&self, now_ms: i64) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        self.retention_days.map_or(i64::MIN, |days| now_ms - days * DAY_MS)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(at(&path))?;
        serde_json::from_slice(&text).map_err(|error| at(&path)(error.into()))
    }

    /// Durable when it returns.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let (new, path) = (folder.join("group.new"), folder.join(FILE));
        let write = || {
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_data()?;
            fs::rename(&new, &path)
        };
        write().map_err(at(&path))?;
        sync_directory(folder)
    }
}
