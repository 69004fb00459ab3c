//! An event in the queue.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Delivery;
use crate::function::{FunctionKey, LATEST};

/// Identifies an event within the queue: they are numbered in the order in which they were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub i64);

/// An accepted event.
#[derive(Clone, PartialEq, Eq)]
pub struct AsyncEvent {
    /// A UUID, the same for every attempt (G-03).
    pub request_id: String,
    /// The function.
    pub key: FunctionKey,
    /// `$LATEST`, a version or an alias; `$LATEST` when absent. What it means is decided at each attempt.
    pub qualifier: Option<String>,
    /// The event: valid JSON.
    pub payload: Bytes,
    /// `X-Amzn-Trace-Id` as the caller sent it.
    pub trace_id: Option<String>,
    /// When it was accepted, Unix time, milliseconds.
    pub accepted_at_ms: i64,
}

impl AsyncEvent {
    /// The qualifier that the caller meant.
    pub fn resource(&self) -> &str {
        self.qualifier.as_deref().unwrap_or(LATEST)
    }

    /// ARN as the caller named the function: with the qualifier only if one was given.
    pub fn invoked_function_arn(&self) -> String {
        self.qualifier.as_ref().map_or_else(|| self.key.arn(), |qualifier| self.key.qualified_arn(qualifier))
    }
}

impl std::fmt::Debug for AsyncEvent {
    /// The payload is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncEvent")
            .field("request_id", &self.request_id)
            .field("function", &self.invoked_function_arn())
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// What became of an event so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Attempts that ran and ended in an error of the function.
    pub errors: u32,
    /// Attempts that were refused since the last that ran.
    pub refusals: u32,
}

/// What a settled attempt leaves; durable as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The event waits again.
    Waits {
        /// Until when, Unix time, milliseconds.
        due_at_ms: i64,
        /// What became of it so far.
        progress: Progress,
    },
    /// The event has ended, and these are to be told.
    Ended(Vec<Delivery>),
}
