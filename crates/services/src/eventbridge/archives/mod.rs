//! Archives: what was on a bus is kept and can be put there again (EventBridge user guide, "Archiving and replaying events").
//!
//! ```text
//!  CreateArchive ──► a rule of the service's own on the bus: what was not replayed, and matches the archive's pattern
//!  an event ──► that rule ──► outbox ──► a row of the archive, in the order of the events' times ([`keeping`])
//!  StartReplay ──► STARTING ──► RUNNING ──► COMPLETED            rows of a span of time ──► the rules of the bus ([`replaying`])
//!                      └──────────┴──► CANCELLING ──► CANCELLED
//! ```

mod keeping;
mod operations;
mod replaying;
mod replays;

use aws_api::generated::events::types;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use super::bus::BusKey;
use crate::service::partition_of;

pub(super) use keeping::body;

/// Who has rules that are not their owner's.
pub(super) const MANAGER: &str = "prod.vhs.events.aws.internal";

/// An archive as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ArchiveRecord {
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// ARN of the bus.
    pub source_arn: String,
    pub description: Option<String>,
    pub event_pattern: Option<String>,
    /// Nothing is forgotten where it is 0.
    pub retention_days: i64,
    /// Where its events are.
    pub space: i64,
}

impl Document for ArchiveRecord {
    const KIND: &'static str = "events/archive";
}

/// A replay as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ReplayRecord {
    pub archive_arn: String,
    pub description: Option<String>,
    pub destination: types::ReplayDestination,
    /// Unix time, seconds.
    pub from: f64,
    /// The same.
    pub to: f64,
    pub state: String,
    pub reason: Option<String>,
    /// Unix time, milliseconds.
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    /// The row that was replayed last.
    pub position: Option<Vec<u8>>,
    /// Where the rows are.
    pub space: i64,
}

impl Document for ReplayRecord {
    const KIND: &'static str = "events/replay";
}

impl ReplayRecord {
    /// Whether something is to be done.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "STARTING" | "RUNNING" | "CANCELLING")
    }
}

/// Such as `arn:aws:events:us-east-1:123456789012:archive/orders`.
fn arn(kind: &str, DocumentKey { account_id, region, name, .. }: &DocumentKey) -> String {
    format!("arn:{}:events:{region}:{account_id}:{kind}/{name}", partition_of(region))
}

/// The archive of an ARN.
fn of_arn(arn: &str) -> Option<DocumentKey> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "events", region, account_id, resource] = parts[..] else { return None };
    let name = resource.strip_prefix("archive/")?;
    let (account_id, region, name) = (account_id.into(), region.into(), name.into());
    Some(DocumentKey { account_id, region, parent: String::new(), name })
}

/// The rule that brings events into an archive.
fn rule_name(archive: &str) -> String {
    format!("Events-Archive-{archive}")
}

/// What every such rule of a Region has as its target.
pub(super) fn target_arn(bus: &BusKey) -> String {
    format!("arn:{}:events:{}:::", partition_of(&bus.region), bus.region)
}
