//! What authorizers said of callers, for as long as they may be believed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lambda_model::authorization::PolicyDocument;
use serde_json::{Map, Value};

use crate::clock;

/// See the module's doc.
#[derive(Default)]
pub(in crate::gateway) struct Remembered {
    said: Mutex<HashMap<Identity, (Instant, i64, Said)>>,
}

/// API, stage, authorizer, and the values of its identity sources.
pub(super) type Identity = (String, String, String, Vec<String>);

/// Callers that are remembered, before those whose time is over are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// What a function says of a caller.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// Whether it may, whatever the route.
    Simple { is_authorized: bool, context: Map<String, Value> },
    /// A policy, which is asked for each route, and an API key that counts as the caller's.
    Policy {
        principal_id: String,
        document: PolicyDocument,
        context: Map<String, Value>,
        api_key: Option<String>,
    },
}

impl Remembered {
    /// What was said since `reset_ms`, Unix time, milliseconds.
    pub(super) fn find(&self, who: &Identity, reset_ms: i64) -> Option<Said> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, at_ms, said) = said.get(who)?;
        (*until > Instant::now() && *at_ms >= reset_ms).then(|| said.clone())
    }

    pub(super) fn keep(&self, who: Identity, ttl: Duration, news: Said) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said.len() >= REMEMBERED_MAX {
            said.retain(|_, (until, ..)| *until > now);
        }
        if said.len() < REMEMBERED_MAX {
            said.insert(who, (now + ttl, clock::unix_ms(), news));
        }
    }
}
