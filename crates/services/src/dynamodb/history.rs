//! What items of a table were before each change, for as long as points in time are kept.
//!
//! ```text
//!  write ──► the item, and at the end of the history what was there ([`append_log`])      one transaction
//!  restore ─► a copy of what is there ──► undone, change by change, back to the point in time
//! ```

use serde::{Deserialize, Serialize};
use store::{TableTransaction, TableView};

use super::{
    keys::Place,
    record::TableRecord,
    value::Item,
    writes::{self, encode},
};
use crate::{
    append_log,
    change::{ChangeError, failed},
};

/// Changes that are undone at a time.
const BATCH: usize = 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The history of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    pub space: i64,
    /// Since when: Unix time, milliseconds.
    pub since_ms: i64,
    /// For how long.
    pub days: i64,
}

impl History {
    /// The earliest point in time that is known: Unix time, milliseconds.
    pub(super) fn earliest_ms(&self, now_ms: i64) -> i64 {
        self.since_ms.max(now_ms - self.days * DAY_MS)
    }
}

/// Keeps what was at a place until now, if the table's history is kept.
pub(super) fn append(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    (place, old): (&Place, Option<&Item>),
    now_ms: i64,
) -> Result<(), ChangeError> {
    let Some(history) = &table.history else { return Ok(()) };
    let was = match old {
        Some(item) => encode(item)?,
        None => Vec::new(),
    };
    append_log::append(transaction, history.space, now_ms, &written(place, &was))?;
    Ok(())
}

/// Has a copy of what is in a table now as it was at the end of a millisecond.
pub(super) fn undo(
    transaction: &mut TableTransaction<'_>,
    (history, copy): (&History, i64),
    at_ms: i64,
) -> Result<(), ChangeError> {
    let from = append_log::place_at(at_ms + 1);
    let mut to = None;
    loop {
        let changes = append_log::last_of(transaction, history.space, (from, to), BATCH)?;
        for (_, change) in &changes {
            let (place, was) = read(change).ok_or_else(|| failed("a change in the history of a table"))?;
            match was {
                [] => transaction.delete(copy, &place.partition, &place.sort)?,
                item => transaction.put(copy, &place.partition, &place.sort, item)?,
            }
        }
        let Some((first, _)) = changes.last() else { return Ok(()) };
        to = Some(*first);
    }
}

/// What was changed between two times, each place once: with what was there at the first and what is there at the second.
pub(super) fn changed(
    view: &TableView<'_>,
    table: &TableRecord,
    (history, after_ms, until_ms): (&History, i64, i64),
) -> Result<Vec<Changed>, ChangeError> {
    let (from, to) = (append_log::place_at(after_ms + 1), append_log::place_at(until_ms + 1));
    let mut found: Vec<Changed> = Vec::new();
    let mut known = std::collections::HashMap::new();
    append_log::each_from(view, history.space, from, |at, change| {
        let (place, was) = read(&change).ok_or_else(|| failed("a change in the history of a table"))?;
        let was = if was.is_empty() { None } else { Some(writes::decode(was)?) };
        let key = (place.partition.clone(), place.sort.clone());
        match known.get(&key) {
            // What a later change found there was there at the second time.
            Some(&nth) => {
                let changed: &mut Changed = &mut found[nth];
                if changed.new.is_none() && at >= to {
                    changed.new = Some(was);
                }
            }
            None if at < to => {
                known.insert(key, found.len());
                found.push(Changed { place, at_ms: append_log::ms_of(at), old: was, new: None });
            }
            None => {}
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    for changed in found.iter_mut().filter(|changed| changed.new.is_none()) {
        changed.new = Some(writes::get(view, table, &changed.place)?);
    }
    Ok(found)
}

/// See [`changed`].
pub(super) struct Changed {
    pub place: Place,
    /// When it was changed first: Unix time, milliseconds.
    pub at_ms: i64,
    pub old: Option<Item>,
    /// `None` where it is not known yet.
    pub new: Option<Option<Item>>,
}

/// Forgets what is older than is kept.
pub(super) fn forget_old(
    transaction: &mut TableTransaction<'_>,
    history: &History,
    now_ms: i64,
) -> Result<(), ChangeError> {
    Ok(append_log::forget_before(transaction, history.space, history.earliest_ms(now_ms))?)
}

/// Whether there is something older than is kept.
pub(super) fn has_old(view: &TableView<'_>, history: &History, now_ms: i64) -> Result<bool, ChangeError> {
    let first = append_log::first(view, history.space)?;
    Ok(first.is_some_and(|first| first < append_log::place_at(history.earliest_ms(now_ms))))
}

/// The partition's length and the partition, the same of the sort key, and the item; nothing behind them where there was none.
fn written(place: &Place, was: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + place.partition.len() + place.sort.len() + was.len());
    for part in [&place.partition, &place.sort] {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part);
    }
    bytes.extend(was);
    bytes
}

fn read(bytes: &[u8]) -> Option<(Place, &[u8])> {
    let part = |bytes: &'_ [u8]| -> Option<usize> {
        let (length, _) = bytes.split_first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*length)).ok()
    };
    let (partition, rest) = bytes.get(4..)?.split_at_checked(part(bytes)?)?;
    let (sort, was) = rest.get(4..)?.split_at_checked(part(rest)?)?;
    Some((Place { partition: partition.to_vec(), sort: sort.to_vec() }, was))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        for (partition, sort, was) in [("p", "s", "{}"), ("", "", ""), ("part", "", "item")] {
            let place = Place { partition: partition.into(), sort: sort.into() };
            let bytes = written(&place, was.as_bytes());
            assert_eq!(read(&bytes), Some((place, was.as_bytes())));
            let keys = bytes.len() - was.len();
            assert!((0..keys).all(|length| read(&bytes[..length]).is_none()));
        }
    }
}
