//! What one write does: the row, and the entries of indexes.

use std::ops::ControlFlow;

use aws_api::error_response::ApiError;
use store::{TableTransaction, TableView};

use super::{
    Handled, conditions,
    error::{invalid, invalid_parameters},
    expressions::{Condition, Path, Update, apply},
    history,
    keys::Place,
    record::TableRecord,
    streams::{self, Actor},
    value::{self, Item},
};
use crate::change::ChangeError;

/// What a request does to one item.
pub(super) struct Change {
    /// The item that is put, or the key of another.
    pub attributes: Item,
    pub what: What,
    /// What must hold for what is there.
    pub condition: Option<Condition>,
    /// `ALL_OLD` where a condition that does not hold shows what is there.
    pub wants_old: Option<String>,
}

/// See [`Change`].
pub(super) enum What {
    Put,
    Delete,
    Update(Update),
    /// Nothing, if the condition holds.
    Check,
}

/// What a change has done.
pub(super) struct Written {
    pub old: Option<Item>,
    pub new: Option<Item>,
}

impl Change {
    /// Where its item is.
    pub(super) fn place(&self, table: &TableRecord) -> Handled<Place> {
        match self.what {
            What::Put => table.key.place_of_item(&self.attributes),
            What::Delete | What::Update(_) | What::Check => table.key.place_of_key(&self.attributes),
        }
    }

    /// What it does something to, of an update.
    pub(super) fn updated_paths(&self) -> impl Iterator<Item = &Path> {
        let update = if let What::Update(update) = &self.what { Some(update) } else { None };
        update.into_iter().flat_map(Update::paths)
    }

    /// Does it.
    pub(super) fn carry_out(
        &self,
        transaction: &mut TableTransaction<'_>,
        table: &TableRecord,
        now_ms: i64,
    ) -> Result<Written, ChangeError> {
        let place = self.place(table)?;
        if matches!(self.what, What::Put) {
            // Whatever is there.
            check(table, &self.attributes, &place)?;
        }
        let old = get(transaction, table, &place)?;
        conditions::check(self.condition.as_ref(), old.as_ref(), self.wants_old.as_deref())?;
        let new = match &self.what {
            What::Put => Some(self.attributes.clone()),
            What::Delete => None,
            What::Update(update) => {
                let updated = self.updated(update, table, old.as_ref())?;
                check(table, &updated, &place).map_err(of_update)?;
                Some(updated)
            }
            What::Check => old.clone(),
        };
        if new != old {
            let images = (old.as_ref(), new.as_ref());
            write(transaction, table, &place, images, (now_ms, Actor::Caller))?;
        }
        Ok(Written { old, new })
    }

    fn updated(&self, update: &Update, table: &TableRecord, old: Option<&Item>) -> Handled<Item> {
        match update.paths().find(|path| table.key.has(&path.attribute)) {
            Some(path) => Err(invalid_parameters(&format!(
                "Cannot update attribute {}. This attribute is part of the key",
                path.attribute
            ))),
            None => apply(update, old.unwrap_or(&self.attributes)),
        }
    }
}

impl Written {
    /// The larger of what was and what is counts, bytes.
    pub(super) fn size(&self) -> usize {
        let size = |item: &Option<Item>| item.as_ref().map_or(0, value::size);
        size(&self.old).max(size(&self.new))
    }
}

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
    view: &TableView<'_>,
    table: &TableRecord,
    place: &Place,
) -> Result<Option<Item>, ChangeError> {
    let found = view.get(table.space, &place.partition, &place.sort)?;
    found.map(|bytes| decode(&bytes)).transpose()
}

/// What an update says of an empty key of an index.
fn of_update(error: ApiError) -> ApiError {
    let Some((_, rest)) =
        error.message.split_once("A value specified for a secondary index key is not supported. ")
    else {
        return error;
    };
    let what = rest.split_once(" IndexName").map_or(rest, |(what, _)| what);
    invalid(format!(
        "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. {what}"
    ))
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

/// Has `new` where `old` was; either may be nothing. Whether it may be kept was [`check`]ed.
pub(super) fn write(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    place: &Place,
    (old, new): (Option<&Item>, Option<&Item>),
    by: (i64, Actor),
) -> Result<(), ChangeError> {
    match new {
        Some(item) => {
            transaction.put(table.space, &place.partition, &place.sort, &encode(item)?)?;
        }
        None => transaction.delete(table.space, &place.partition, &place.sort)?,
    }
    if let Some(expiry) = &table.expiry {
        let entry = |item: Option<&Item>| expiry.place_of_entry(item?, place);
        move_entry(transaction, expiry.space, (entry(old), entry(new)))?;
    }
    for index in table.indexes() {
        let entry = |item: Option<&Item>| match item {
            Some(item) => index.key.place_of_entry(&index.name, item, place),
            None => Ok(None),
        };
        // What was there before the index may have a key of another type, and no entry.
        let before = entry(old).unwrap_or_default();
        move_entry(transaction, index.space, (before, entry(new)?))?;
    }
    history::append(transaction, table, (place, old), by.0)?;
    streams::append(transaction, table, (old, new), by)
}

/// Has an entry where it belongs now.
fn move_entry(
    transaction: &mut TableTransaction<'_>,
    space: i64,
    (before, after): (Option<Place>, Option<Place>),
) -> Result<(), ChangeError> {
    if before == after {
        return Ok(());
    }
    if let Some(entry) = before {
        transaction.delete(space, &entry.partition, &entry.sort)?;
    }
    if let Some(entry) = after {
        transaction.put(space, &entry.partition, &entry.sort, &[])?;
    }
    Ok(())
}

/// Every item of a table, with its place.
pub(super) fn all(view: &TableView<'_>, table: &TableRecord) -> Result<Vec<(Place, Item)>, ChangeError> {
    let mut found = Vec::new();
    view.in_space(table.space, None, |row| {
        let item = decode(&row.item)?;
        found.push((Place { partition: row.partition, sort: row.sort }, item));
        Ok::<_, ChangeError>(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
