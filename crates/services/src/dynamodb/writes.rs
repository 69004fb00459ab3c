//! What one write does: the row, and the entries of indexes.

use store::TableTransaction;

use super::{
    Handled,
    error::invalid,
    keys::Place,
    record::TableRecord,
    value::{self, Item},
};
use crate::change::ChangeError;

/// An item at most, bytes ("Quotas").
const ITEM_BYTES_MAX: usize = 400 * 1_024;

/// An item as it is kept.
pub(super) fn encode(item: &Item) -> Result<Vec<u8>, ChangeError> {
    let shown = value::shown(item.clone());
    serde_json::to_vec(&shown).map_err(|error| crate::change::failed(format!("an item: {error}")).into())
}

/// What was kept.
pub(super) fn decode(bytes: &[u8]) -> Result<Item, ChangeError> {
    let shown = serde_json::from_slice(bytes);
    let shown = shown.map_err(|error| crate::change::failed(format!("an item: {error}")))?;
    Ok(value::read(shown)?)
}

/// The item at a place.
pub(super) fn get(
    view: &store::TableView<'_>,
    table: &TableRecord,
    place: &Place,
) -> Result<Option<Item>, ChangeError> {
    let found = view.get(table.space, &place.partition, &place.sort)?;
    found.map(|bytes| decode(&bytes)).transpose()
}

/// Whether an item may be kept.
pub(super) fn check(table: &TableRecord, item: &Item, place: &Place) -> Handled<()> {
    if value::size(item) > ITEM_BYTES_MAX {
        return Err(invalid("Item size has exceeded the maximum allowed size"));
    }
    for index in table.indexes() {
        index.key.place_of_entry(&index.name, item, place)?;
    }
    Ok(())
}

/// Has `new` where `old` was; either may be nothing.
pub(super) fn write(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    place: &Place,
    (old, new): (Option<&Item>, Option<&Item>),
) -> Result<(), ChangeError> {
    match new {
        Some(item) => {
            check(table, item, place)?;
            transaction.put(table.space, &place.partition, &place.sort, &encode(item)?)?;
        }
        None => transaction.delete(table.space, &place.partition, &place.sort)?,
    }
    for index in table.indexes() {
        let entry = |item: Option<&Item>| match item {
            Some(item) => index.key.place_of_entry(&index.name, item, place),
            None => Ok(None),
        };
        let (before, after) = (entry(old)?, entry(new)?);
        if before == after {
            continue;
        }
        if let Some(entry) = before {
            transaction.delete(index.space, &entry.partition, &entry.sort)?;
        }
        if let Some(entry) = after {
            transaction.put(index.space, &entry.partition, &entry.sort, &[])?;
        }
    }
    Ok(())
}
