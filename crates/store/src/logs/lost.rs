//! What was dropped, by stream, until its function is told: in its own log, as Lambda tells telemetry (T-04).

use std::sync::Arc;

use lambda_model::{
    platform_log::{LogsDropped, PlatformEvent},
    ports::{LogDestination, LogForm},
};
use serde_json::json;

use super::queue::Block;

/// Streams that are told at a time; of more only the count is kept.
const STREAMS_MAX: usize = 1_024;

/// See the module's doc.
#[derive(Default)]
pub(super) struct Lost(Vec<OfStream>);

struct OfStream {
    to: Arc<LogDestination>,
    timestamp_ms: i64,
    records: u64,
    bytes: u64,
}

impl Lost {
    /// Counts lines that found no room.
    pub(super) fn add(&mut self, to: &Arc<LogDestination>, timestamp_ms: i64, lines: &[u8]) {
        let records = lines.iter().filter(|byte| **byte == b'\n').count().max(1) as u64;
        let bytes = lines.len() as u64;
        if let Some(lost) = self.0.iter_mut().find(|lost| Arc::ptr_eq(&lost.to, to)) {
            lost.timestamp_ms = timestamp_ms;
            lost.records += records;
            lost.bytes += bytes;
        } else if self.0.len() < STREAMS_MAX {
            self.0.push(OfStream { to: Arc::clone(to), timestamp_ms, records, bytes });
        }
    }

    /// Whether every stream has been told.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next stream's record.
    pub(super) fn take(&mut self) -> Option<Block> {
        let OfStream { to, timestamp_ms, records, bytes } = self.0.pop()?;
        let reason = "the function printed faster than its log is written".to_owned();
        let event = PlatformEvent::LogsDropped(LogsDropped { reason, records, bytes });
        let line = json!({ "type": event.event_type(), "record": event.record() });
        Some(Block { to, timestamp_ms, lines: format!("{line}\n").into_bytes(), form: LogForm::Whole })
    }
}
