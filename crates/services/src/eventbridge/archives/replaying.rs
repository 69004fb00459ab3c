//! What a replay does: events of a span of time, in the order of their times, to the rules of their bus.
//!
//! How far it is is kept behind each batch: a server that dies in between replays at most that batch again, as AWS may.

use std::{ops::ControlFlow, time::Duration};

use aws_api::request_id;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Direction, DocumentKey, QueueTransaction, Row, Span, StoreError, TableView, Transaction};
use tokio::time::timeout;

use super::{
    super::{EventBridge, bus::BusKey},
    ReplayRecord,
    keeping::{PARTITION, place_of},
};
use crate::change::{ChangeError, failed, goes_on};

/// Events that are replayed at a time.
const BATCH: usize = 100;
/// How often old events are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// An event, each field as it was.
#[derive(Serialize, Deserialize)]
struct Replayed<'a> {
    #[serde(borrow)]
    version: &'a RawValue,
    id: String,
    #[serde(borrow, rename = "detail-type")]
    detail_type: &'a RawValue,
    #[serde(borrow)]
    source: &'a RawValue,
    #[serde(borrow)]
    account: &'a RawValue,
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(borrow)]
    region: &'a RawValue,
    #[serde(borrow)]
    resources: &'a RawValue,
    #[serde(borrow)]
    detail: &'a RawValue,
    #[serde(rename = "replay-name", default)]
    replay_name: String,
}

/// An event as it is replayed: another one, which tells so.
fn replayed(event: &[u8], replay: &str) -> Option<String> {
    let mut event: Replayed<'_> = serde_json::from_slice(event).ok()?;
    event.id = request_id::new();
    event.replay_name = replay.to_owned();
    serde_json::to_string(&event).ok()
}

impl EventBridge {
    /// Does what replays ask for, and forgets what archives do not keep, until the store is closed.
    pub async fn run_archives(self) {
        loop {
            if !goes_on(self.run_replays().await, "events could not be replayed")
                || !goes_on(self.forget_old_events().await, "old events of archives could not be deleted")
            {
                return;
            }
            // Whichever comes first.
            let _ = timeout(FORGET_EVERY, self.replays_changed.notified()).await;
        }
    }

    async fn run_replays(&self) -> Result<(), ChangeError> {
        loop {
            let all = self.store.all_documents::<ReplayRecord>().await?;
            let mut open = all.into_iter().filter(|(_, record)| record.is_open()).peekable();
            if open.peek().is_none() {
                return Ok(());
            }
            // A batch of each in turn.
            for (key, record) in open {
                self.replay_batch(&key, record).await?;
            }
        }
    }

    /// Replays a batch, and keeps how far it is.
    async fn replay_batch(&self, key: &DocumentKey, record: ReplayRecord) -> Result<(), ChangeError> {
        if record.state == "CANCELLING" {
            return self.set_replay(key, record.position, Some("CANCELLED")).await;
        }
        let rows = self.rows_behind(&record).await?;
        let destination = record.destination.arn.as_deref().and_then(BusKey::of_arn);
        let bus = destination.ok_or_else(|| failed("a replay has no bus"))?;
        let only = record.destination.filter_arns.as_deref().filter(|arns| !arns.is_empty());
        let events = rows.iter().filter_map(|row| replayed(&row.item, &key.name));
        let deliveries: Vec<_> =
            events.flat_map(|event| self.wanted_by(&bus, &event, (None, only))).collect();
        if !deliveries.is_empty() {
            let put = move |transaction: &mut QueueTransaction<'_>| {
                deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))
            };
            self.store.queues().transact(put).await?;
        }
        tracing::trace!(target: "crash_point", "events: a batch is replayed");
        let is_over = rows.len() < BATCH;
        let position = rows.into_iter().next_back().map(|row| row.sort).or(record.position);
        self.set_replay(key, position, is_over.then_some("COMPLETED")).await
    }

    async fn rows_behind(&self, record: &ReplayRecord) -> Result<Vec<Row>, StoreError> {
        let begin = place_of(record.from.floor() as i64).to_vec();
        // Behind the last one is the least that is larger.
        let after = record.position.clone().map(|mut place| {
            place.push(0);
            place
        });
        let span =
            Span { from: after.unwrap_or(begin), to: Some(place_of(record.to.ceil() as i64).to_vec()) };
        let space = record.space;
        let read = move |view: &TableView<'_>| -> Result<Vec<Row>, StoreError> {
            let mut rows = Vec::new();
            view.in_partition((space, PARTITION), &span, Direction::Forward, |row| {
                rows.push(row);
                let is_enough = rows.len() == BATCH;
                Ok::<_, StoreError>(if is_enough {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
            Ok(rows)
        };
        self.store.tables().read(read).await
    }

    /// Keeps how far a replay is. One that is cancelled meanwhile stays so.
    async fn set_replay(
        &self,
        key: &DocumentKey,
        position: Option<Vec<u8>>,
        ended: Option<&'static str>,
    ) -> Result<(), ChangeError> {
        let (key, now_ms) = (key.clone(), self.clock.now_ms());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let Some(mut record) = transaction.document::<ReplayRecord>(&key)? else { return Ok(()) };
            record.position = position;
            match ended {
                Some(state) => {
                    record.state = state.to_owned();
                    record.ended_ms = Some(now_ms);
                }
                None if record.state == "STARTING" => record.state = "RUNNING".to_owned(),
                None => {}
            }
            Ok(transaction.put_document(&key, &record)?)
        };
        self.store.transact(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replayed_is_as_it_was_and_says_so() {
        let event = r#"{"version":"0","id":"i","detail-type":"t","source":"s","account":"000000000000","time":"1970-01-01T00:00:00Z","region":"r","resources":[],"detail":{"n": 300.0}}"#;
        let again = replayed(event.as_bytes(), "again").unwrap();
        let read: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert_ne!(read["id"], "i");
        assert_eq!(read["replay-name"], "again");
        assert!(again.ends_with(r#""detail":{"n": 300.0},"replay-name":"again"}"#));
        assert!(replayed(b"{}", "again").is_none());
    }
}
