//! A log: a space of the tables whose rows are in the order in which they came. Their places go up with time, also when all that was there is
//! forgotten.

use std::ops::ControlFlow;

use lambda_model::ports::BoxFuture;
use store::{Direction, Span, StoreError, TableTransaction, TableView, Tables};

use crate::change::ChangeError;

/// The only partition of such a space.
const PARTITION: &[u8] = b"";
/// Places of a millisecond, where no more come in one.
const PLACES_A_MS: u64 = 1_000;

/// The place of what comes first at a time: Unix time, milliseconds.
pub(crate) fn place_at(at_ms: i64) -> u64 {
    u64::try_from(at_ms).unwrap_or(0).saturating_mul(PLACES_A_MS)
}

/// When what is at a place came, or later where much came in one millisecond: Unix time, milliseconds.
pub(crate) fn ms_of(place: u64) -> i64 {
    i64::try_from(place / PLACES_A_MS).unwrap_or(i64::MAX)
}

/// The place of the last row that is there.
pub(crate) fn last(view: &TableView<'_>, space: i64) -> Result<Option<u64>, StoreError> {
    let (mut last, whole) = (None, Span { from: Vec::new(), to: None });
    view.in_partition((space, PARTITION), &whole, Direction::Backward, |row| {
        last = place_in(&row.sort);
        Ok::<_, StoreError>(ControlFlow::Break(()))
    })?;
    Ok(last)
}

/// The place of the first row that is there.
pub(crate) fn first(view: &TableView<'_>, space: i64) -> Result<Option<u64>, StoreError> {
    let (mut first, whole) = (None, Span { from: Vec::new(), to: None });
    view.in_partition((space, PARTITION), &whole, Direction::Forward, |row| {
        first = place_in(&row.sort);
        Ok::<_, StoreError>(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// The last rows from a place on and before another, the last one first.
pub(crate) fn last_of(
    view: &TableView<'_>,
    space: i64,
    (from, to): (u64, Option<u64>),
    most: usize,
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let span = Span { from: from.to_be_bytes().to_vec(), to: to.map(|to| to.to_be_bytes().to_vec()) };
    let mut found = Vec::new();
    view.in_partition((space, PARTITION), &span, Direction::Backward, |row| {
        found.extend(place_in(&row.sort).map(|place| (place, row.item)));
        Ok::<_, StoreError>(if found.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })?;
    Ok(found)
}

/// Puts a row at the end; its place.
pub(crate) fn append(
    transaction: &mut TableTransaction<'_>,
    space: i64,
    now_ms: i64,
    bytes: &[u8],
) -> Result<u64, StoreError> {
    let place = last(transaction, space)?.map_or(0, |last| last + 1).max(place_at(now_ms));
    transaction.append(space, PARTITION, &place.to_be_bytes(), bytes)?;
    Ok(place)
}

/// The rows from a place on, as `see` wants them.
pub(crate) fn each_from(
    view: &TableView<'_>,
    space: i64,
    from: u64,
    mut see: impl FnMut(u64, Vec<u8>) -> Result<ControlFlow<()>, ChangeError>,
) -> Result<(), ChangeError> {
    let span = Span { from: from.to_be_bytes().to_vec(), to: None };
    view.in_partition((space, PARTITION), &span, Direction::Forward, |row| match place_in(&row.sort) {
        Some(place) => see(place, row.item),
        None => Ok(ControlFlow::Continue(())),
    })
}

/// Forgets what came before a time: Unix time, milliseconds.
pub(crate) fn forget_before(
    transaction: &mut TableTransaction<'_>,
    space: i64,
    at_ms: i64,
) -> Result<(), StoreError> {
    transaction.delete_before(space, PARTITION, &place_at(at_ms).to_be_bytes())
}

/// Resolves when something is put into a log after this call.
pub(crate) fn appended(tables: &Tables, space: i64) -> BoxFuture<'static, ()> {
    let mut appended = tables.appended(space);
    Box::pin(async move {
        if appended.changed().await.is_err() {
            std::future::pending().await
        }
    })
}

fn place_in(sort: &[u8]) -> Option<u64> {
    sort.try_into().ok().map(u64::from_be_bytes)
}
