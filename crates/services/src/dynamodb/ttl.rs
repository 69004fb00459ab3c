//! When items expire ("Time to Live"): a space has an entry for each that does, in the order of the times; the sweeper deletes what is over.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use aws_api::generated::dynamodb::types;
use lambda_model::ports::Clock;
use serde::{Deserialize, Serialize};
use store::{Direction, Row, Span, TableKey, TableTransaction, TableView};
use tokio::time::sleep;

use super::{
    DynamoDb, Handled,
    error::invalid,
    history::{self, History},
    keys::{Place, place_in, terminated},
    record::{TableRecord, decode, encode, found_in, table_in, table_key},
    streams::{Actor, StreamRecord, forget_old, is_stream_arn},
    value::{Item, Value},
    writes,
};
use crate::{
    change::{ChangeError, goes_on},
    service::ServiceContext,
};

/// How often expired items are looked for. AWS promises a few days.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Items that one transaction deletes at most.
const BATCH: usize = 100;
/// What expired longer ago than that does not: it was no time (AWS: five years).
const SECONDS_MAX: i64 = 5 * 366 * 86_400;
/// The only partition of such a space.
const PARTITION: &[u8] = b"";

/// What says when items of a table expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expiry {
    pub attribute: String,
    pub space: i64,
}

impl Expiry {
    /// Where the entry of an item is; `None` where it does not expire.
    pub(super) fn place_of_entry(&self, item: &Item, place: &Place) -> Option<Place> {
        let seconds = u64::try_from(self.seconds(item)?).ok()?;
        let mut sort = seconds.to_be_bytes().to_vec();
        sort.extend(terminated(&place.partition));
        sort.extend(&place.sort);
        Some(Place { partition: PARTITION.to_vec(), sort })
    }

    /// Unix time, seconds.
    fn seconds(&self, item: &Item) -> Option<i64> {
        let Some(Value::N(number)) = item.get(&self.attribute) else { return None };
        number.to_string().split('.').next()?.parse().ok()
    }

    fn is_over(&self, item: &Item, now_seconds: i64) -> bool {
        self.seconds(item).is_some_and(|at| at < now_seconds && at > now_seconds - SECONDS_MAX)
    }
}

impl DynamoDb {
    pub(super) async fn update_time_to_live(
        &self,
        context: &ServiceContext,
        input: types::UpdateTimeToLiveInput,
    ) -> Handled<types::UpdateTimeToLiveOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let asked = input.time_to_live_specification.unwrap_or_default();
        let (enabled, attribute) =
            (asked.enabled == Some(true), asked.attribute_name.clone().unwrap_or_default());
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            let mut table = table_in(transaction, &key)?;
            match (enabled, &table.expiry) {
                (true, Some(known)) if known.attribute == attribute => {
                    return Err(invalid("TimeToLive is already enabled").into());
                }
                (true, Some(known)) | (false, Some(known)) if known.attribute != attribute => {
                    let known = &known.attribute;
                    let why = format!(
                        "TimeToLive is active on a different AttributeName: current AttributeName is {known}"
                    );
                    return Err(invalid(why).into());
                }
                (true, _) => {
                    let expiry = Expiry { attribute, space: transaction.new_space()? };
                    for (place, item) in writes::all(transaction, &table)? {
                        if let Some(entry) = expiry.place_of_entry(&item, &place) {
                            transaction.put(expiry.space, &entry.partition, &entry.sort, &[])?;
                        }
                    }
                    table.expiry = Some(expiry);
                }
                (false, None) => return Err(invalid("TimeToLive is already disabled").into()),
                (false, Some(known)) => {
                    transaction.delete_space(known.space)?;
                    table.expiry = None;
                }
            }
            Ok(transaction.put_table(&key, &encode(&table)?)?)
        };
        self.tables.transact(change, |()| {}).await?;
        Ok(types::UpdateTimeToLiveOutput { time_to_live_specification: Some(asked) })
    }

    pub(super) async fn describe_time_to_live(
        &self,
        context: &ServiceContext,
        input: types::DescribeTimeToLiveInput,
    ) -> Handled<types::DescribeTimeToLiveOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<Option<Expiry>, ChangeError> {
            Ok(table_in(view, &key)?.expiry)
        };
        let expiry = self.tables.read(read).await?;
        let status = if expiry.is_some() { "ENABLED" } else { "DISABLED" };
        let description = types::TimeToLiveDescription {
            time_to_live_status: Some(status.to_owned()),
            attribute_name: expiry.map(|expiry| expiry.attribute),
        };
        Ok(types::DescribeTimeToLiveOutput { time_to_live_description: Some(description) })
    }

    /// Deletes what has expired, until the store is closed.
    pub async fn sweep(self, clock: Arc<dyn Clock>) {
        loop {
            sleep(SWEEP_EVERY).await;
            if !goes_on(
                self.sweep_once(clock.now_ms().div_euclid(1_000)).await,
                "expired items could not be deleted",
            ) {
                return;
            }
        }
    }

    async fn sweep_once(&self, now_seconds: i64) -> Result<(), ChangeError> {
        let all = self.tables.read(|view: &TableView<'_>| view.all()).await?;
        for (key, description) in all {
            let table = decode(&description)?;
            if table.expiry.is_some() {
                while self.delete_expired(key.clone(), now_seconds).await? == BATCH {}
            }
            if let Some(history) = table.history {
                self.forget_history(key, history, now_seconds * 1_000).await?;
            }
        }
        self.forget_streams(now_seconds * 1_000).await
    }

    /// What a table was longer ago than is kept.
    async fn forget_history(&self, key: TableKey, history: History, now_ms: i64) -> Result<(), ChangeError> {
        let known = history.clone();
        let has_old = move |view: &TableView<'_>| history::has_old(view, &known, now_ms);
        if !self.tables.read(has_old).await? {
            return Ok(());
        }
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            // The space of a table that is gone is not made again.
            match found_in(transaction, &key)? {
                Some(table) if table.history.as_ref() == Some(&history) => {
                    history::forget_old(transaction, &history, now_ms)
                }
                _ => Ok(()),
            }
        };
        self.tables.transact(change, |()| {}).await
    }

    /// Records, and streams, whose time is over.
    async fn forget_streams(&self, now_ms: i64) -> Result<(), ChangeError> {
        let all = self.tables.read(|view: &TableView<'_>| view.streams()).await?;
        if all.is_empty() {
            return Ok(());
        }
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            for (arn, description) in all.into_iter().filter(|(arn, _)| is_stream_arn(arn)) {
                let stream = StreamRecord::decode(&description)?;
                if stream.is_over(now_ms) {
                    transaction.delete_space(stream.stream.space)?;
                    transaction.delete_stream(&arn)?;
                } else {
                    forget_old(transaction, stream.stream.space, now_ms)?;
                }
            }
            Ok(())
        };
        self.tables.transact(change, |()| {}).await
    }

    /// A batch of what has expired of a table; how many entries there were.
    async fn delete_expired(&self, key: TableKey, now_seconds: i64) -> Result<usize, ChangeError> {
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<usize, ChangeError> {
            let Some(table) = found_in(transaction, &key)? else { return Ok(0) };
            let Some(expiry) = table.expiry.clone() else { return Ok(0) };
            let entries = due(transaction, &expiry, now_seconds)?;
            for entry in &entries {
                delete(transaction, &table, &expiry, (entry, now_seconds))?;
            }
            Ok(entries.len())
        };
        self.tables.transact(change, |_| {}).await
    }
}

/// Entries whose time is over.
fn due(view: &TableView<'_>, expiry: &Expiry, now_seconds: i64) -> Result<Vec<Row>, ChangeError> {
    let now = u64::try_from(now_seconds).unwrap_or(0).to_be_bytes();
    let oldest = u64::try_from(now_seconds - SECONDS_MAX).unwrap_or(0).to_be_bytes();
    let span = Span { from: oldest.to_vec(), to: Some(now.to_vec()) };
    let mut entries = Vec::new();
    view.in_partition((expiry.space, PARTITION), &span, Direction::Forward, |row| {
        entries.push(row);
        let is_enough = entries.len() == BATCH;
        Ok::<_, ChangeError>(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(entries)
}

/// The item of an entry, if it is still over; and the entry at all events.
fn delete(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    expiry: &Expiry,
    (entry, now_seconds): (&Row, i64),
) -> Result<(), ChangeError> {
    let owner = entry.sort.get(8..).and_then(place_in);
    let item = match &owner {
        Some(place) => writes::get(transaction, table, place)?,
        None => None,
    };
    if let (Some(place), Some(item)) = (&owner, item.filter(|item| expiry.is_over(item, now_seconds))) {
        writes::write(
            transaction,
            table,
            place,
            (Some(&item), None),
            (now_seconds * 1_000, Actor::TimeToLive),
        )?;
    }
    Ok(transaction.delete(expiry.space, &entry.partition, &entry.sort)?)
}
