//! Attempts to receive from FIFO queues: one that is made again under its id, because its answer was lost, gets the same messages.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{queue::Queue, receiving::Received};

/// How long an attempt is known, milliseconds (SQS API reference, ReceiveRequestAttemptId).
const KNOWN_MS: i64 = 5 * 60 * 1_000;

/// In memory: after a restart an attempt is a new one.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<(String, String), Attempt>>);

struct Attempt {
    until_ms: i64,
    received: Vec<Received>,
}

impl Attempts {
    /// What the attempt got before.
    pub(super) fn again(&self, queue: &Queue, attempt: Option<&str>, now_ms: i64) -> Option<Vec<Received>> {
        let key = (queue.id().to_owned(), attempt?.to_owned());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).filter(|attempt| attempt.until_ms > now_ms).map(|attempt| attempt.received.clone())
    }

    /// Keeps what an attempt got.
    pub(super) fn remember(
        &self,
        queue: &Queue,
        attempt: Option<String>,
        received: &[Received],
        now_ms: i64,
    ) {
        let Some(attempt) = attempt.filter(|_| !received.is_empty()) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, attempt| attempt.until_ms > now_ms);
        let attempt_of = Attempt { until_ms: now_ms + KNOWN_MS, received: received.to_vec() };
        known.insert((queue.id().to_owned(), attempt), attempt_of);
    }
}
