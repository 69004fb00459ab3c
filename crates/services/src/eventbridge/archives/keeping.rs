//! How events come into archives, and go when they are old.

use std::collections::HashMap;

use aws_api::timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{StoreError, TableTransaction};

use super::{super::EventBridge, ArchiveRecord, of_arn};
use crate::change::ChangeError;

/// The only partition of an archive.
pub(super) const PARTITION: &[u8] = b"";

/// What the target of an archive's rule gets.
#[derive(Serialize, Deserialize)]
struct Archived<'a> {
    /// With the number of the archive's space behind it.
    #[serde(rename = "archive-arn")]
    archive: &'a str,
    /// As it was on the bus, to the letter.
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(rename = "ingestion-time")]
    ingestion_time: &'a str,
}

/// What is delivered of an event to an archive.
pub(in super::super) fn body(archive: &str, event: &str, ingestion_time: &str) -> Option<String> {
    let event: &RawValue = serde_json::from_str(event).ok()?;
    serde_json::to_string(&Archived { archive, event, ingestion_time }).ok()
}

/// What tells where an event belongs.
#[derive(Deserialize)]
struct Dated {
    id: String,
    time: String,
}

/// Where the events of a second begin: Unix time.
pub(super) fn place_of(seconds: i64) -> [u8; 8] {
    u64::try_from(seconds).unwrap_or(0).to_be_bytes()
}

/// A row: its space, its place and the event. One that comes again is the same row.
fn row(body: &[u8]) -> Option<(&str, i64, Vec<u8>, Vec<u8>)> {
    let Archived { archive, event, .. } = serde_json::from_slice(body).ok()?;
    let (arn, space) = archive.rsplit_once(':')?;
    let Dated { id, time } = serde_json::from_str(event.get()).ok()?;
    let mut place = place_of(timestamp::unix_seconds(&time)? as i64).to_vec();
    place.extend(id.as_bytes());
    Some((arn, space.parse().ok()?, place, event.get().as_bytes().to_vec()))
}

impl EventBridge {
    /// Keeps what was delivered to archives. What is for one that is gone goes with it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn archive_events(&self, bodies: &[bytes::Bytes]) -> Result<(), StoreError> {
        let (mut known, mut rows) = (HashMap::new(), Vec::new());
        for (arn, space, place, event) in bodies.iter().filter_map(|body| row(body)) {
            if !known.contains_key(arn) {
                let record = match of_arn(arn) {
                    Some(key) => self.store.document::<ArchiveRecord>(&key).await?,
                    None => None,
                };
                known.insert(arn.to_owned(), record.map(|record| record.space));
            }
            if known.get(arn) == Some(&Some(space)) {
                rows.push((space, place, event));
            }
        }
        let put = move |transaction: &mut TableTransaction<'_>| -> Result<(), StoreError> {
            rows.iter().try_for_each(|(space, place, event)| match transaction.has_space(*space)? {
                true => transaction.put(*space, PARTITION, place, event),
                false => Ok(()),
            })
        };
        self.store.tables().transact(put, |()| {}).await
    }

    /// Forgets events that are older than their archives keep them.
    pub(super) async fn forget_old_events(&self) -> Result<(), ChangeError> {
        const DAY_SECONDS: i64 = 24 * 60 * 60;
        let now = self.clock.now_ms().div_euclid(1_000);
        let archives = self.store.all_documents::<ArchiveRecord>().await?;
        let limited = archives.into_iter().filter(|(_, record)| record.retention_days > 0);
        let limits: Vec<(i64, [u8; 8])> = limited
            .map(|(_, record)| (record.space, place_of(now - record.retention_days * DAY_SECONDS)))
            .collect();
        if limits.is_empty() {
            return Ok(());
        }
        let forget = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            Ok(limits
                .iter()
                .try_for_each(|(space, before)| transaction.delete_before(*space, PARTITION, before))?)
        };
        self.store.tables().transact(forget, |()| {}).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_lies_where_its_time_says_as_it_was() {
        let event = r#"{"id":"i","time":"1970-01-01T00:01:00Z","detail":{"n": 300.0}}"#;
        let archive = "arn:aws:events:us-east-1:000000000000:archive/a:7";
        let body = body(archive, event, "1970-01-01T00:02:00Z").unwrap();
        let (arn, space, place, kept) = row(body.as_bytes()).unwrap();
        assert_eq!((arn, space), (archive.strip_suffix(":7").unwrap(), 7));
        assert_eq!(place, [&60u64.to_be_bytes()[..], b"i"].concat());
        assert_eq!(kept, event.as_bytes());
        assert_eq!(of_arn(arn).unwrap().name, "a");
        assert!(row(b"{}").is_none() && row(event.as_bytes()).is_none());
    }
}
