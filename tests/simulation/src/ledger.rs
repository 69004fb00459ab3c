//! What was acknowledged to clients, what functions saw, and what was told of the ends: judged when everything is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use lambda_model::invocation::asynchronous::{Delivery, DeliveryKind};

use crate::disk::lock;

/// Within so much time an event is attempted for which there is room: all others of its function in the run take no longer.
const FIRST_ATTEMPT_MS_MAX: i64 = 20_000;

/// How an attempt ended, as its environment knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It was still running when the server was killed.
    CutOff,
    /// A response.
    Succeeded,
    /// An error of the function.
    Failed,
}

/// See the module's doc.
#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    acknowledged: BTreeSet<String>,
    stored: BTreeSet<String>,
    /// When, and by the how manieth server, what is to be attempted soon was stored.
    awaited: BTreeMap<String, (i64, usize)>,
    late: Vec<String>,
    attempts: BTreeMap<String, Vec<Attempt>>,
    told: BTreeMap<String, Vec<DeliveryKind>>,
    crashes: usize,
}

/// What a run came to, for those who count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were acknowledged.
    pub acknowledged: usize,
    /// Attempts that environments ran.
    pub attempts: usize,
    /// Servers that were killed.
    pub crashes: usize,
    /// Ends that were told.
    pub told: usize,
}

impl Ledger {
    /// The client has its 202.
    pub fn acknowledged(&self, request_id: &str) {
        lock(&self.inner).acknowledged.insert(request_id.to_owned());
    }

    /// The event is on disk.
    pub fn stored(&self, request_id: &str, now_ms: i64) {
        let mut inner = lock(&self.inner);
        let server = inner.crashes;
        inner.stored.insert(request_id.to_owned());
        inner.awaited.insert(request_id.to_owned(), (now_ms, server));
    }

    /// An attempt begins; which of the event's. The first of a prompt function must not wait for anything but its own.
    pub fn begins(&self, request_id: &str, now_ms: i64, is_prompt: bool) -> usize {
        let mut inner = lock(&self.inner);
        let server = inner.crashes;
        if let Some((stored_ms, by)) = inner.awaited.remove(request_id) {
            let waited_ms = now_ms - stored_ms;
            if is_prompt && by == server && waited_ms > FIRST_ATTEMPT_MS_MAX {
                inner.late.push(format!("{request_id}: it was first attempted after {waited_ms} ms"));
            }
        }
        let attempts = inner.attempts.entry(request_id.to_owned()).or_default();
        attempts.push(Attempt::CutOff);
        attempts.len() - 1
    }

    /// It has ended.
    pub fn ended(&self, request_id: &str, number: usize, how: Attempt) {
        if let Some(attempts) = lock(&self.inner).attempts.get_mut(request_id) {
            attempts[number] = how;
        }
    }

    /// What is told of an event's end is on disk.
    pub fn told(&self, deliveries: &[Delivery]) {
        let mut inner = lock(&self.inner);
        for delivery in deliveries {
            inner
                .told
                .entry(delivery.request_id.clone())
                .or_default()
                .extend(delivery.origin.as_ref().map(|origin| origin.kind));
        }
    }

    /// A server was killed.
    pub fn crashed(&self) {
        lock(&self.inner).crashes += 1;
    }

    /// What the run came to.
    pub fn counts(&self) -> Counts {
        let inner = lock(&self.inner);
        Counts {
            acknowledged: inner.acknowledged.len(),
            attempts: inner.attempts.values().map(Vec::len).sum(),
            crashes: inner.crashes,
            told: inner.told.values().map(Vec::len).sum(),
        }
    }

    /// What is wrong once nothing waits any more. `retries_max` is of the event's function.
    pub fn judge(&self, retries_max: impl Fn(&str) -> u32) -> Vec<String> {
        let inner = lock(&self.inner);
        let mut wrong = inner.late.clone();
        for request_id in inner.acknowledged.union(&inner.stored) {
            let told = inner.told.get(request_id).map_or(&[][..], Vec::as_slice);
            let attempts = inner.attempts.get(request_id).map_or(&[][..], Vec::as_slice);
            let judged = judge_event(told, attempts, inner.crashes, retries_max(request_id) as usize);
            wrong.extend(judged.map(|what| format!("{request_id}: {what}; {attempts:?}, told {told:?}")));
        }
        wrong
    }
}

/// I1: exactly one end. I3: attempts stay within bounds, and without a crash nothing runs twice.
fn judge_event(
    told: &[DeliveryKind],
    attempts: &[Attempt],
    crashes: usize,
    retries_max: usize,
) -> Option<String> {
    let count = |how| attempts.iter().filter(|attempt| **attempt == how).count();
    let (succeeded, failed, cut_off) =
        (count(Attempt::Succeeded), count(Attempt::Failed), count(Attempt::CutOff));
    match told {
        [] => Some("it was accepted and has no end".into()),
        [_, _, ..] => Some(format!("it has {} ends", told.len())),
        [DeliveryKind::OnSuccess] if succeeded == 0 => {
            Some("a success is told of what never succeeded".into())
        }
        // Each crash may take the knowledge of one attempt with it.
        _ if failed > retries_max + 1 + crashes => Some(format!("it failed {failed} times")),
        _ if succeeded > 1 + crashes => Some(format!("it succeeded {succeeded} times")),
        _ if cut_off > crashes => Some(format!("{cut_off} attempts were cut off by {crashes} crashes")),
        _ => None,
    }
}
