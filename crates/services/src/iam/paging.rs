//! Pages of lists: IAM's `Marker`, `MaxItems` and `IsTruncated`.

use aws_api::pagination;

use super::{Handled, error::IamError};

/// Entries of a page when nobody says.
const ITEMS_DEFAULT: i64 = 100;

/// One page of a list.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

/// The page after `marker`. `name` is what the list is ordered by.
pub(crate) fn page<T>(
    items: Vec<T>,
    marker: Option<&str>,
    items_max: Option<i64>,
    name: impl Fn(&T) -> String,
) -> Handled<Page<T>> {
    let after = marker.map(pagination::decode).transpose();
    let after = after.map_err(|_| IamError::Validation("Invalid Marker.".into()))?;
    let mut items: Vec<T> =
        items.into_iter().filter(|item| after.as_ref().is_none_or(|after| name(item) > *after)).collect();
    let items_max = usize::try_from(items_max.unwrap_or(ITEMS_DEFAULT)).unwrap_or(1);
    let is_truncated = items.len() > items_max;
    items.truncate(items_max);
    let marker = items.last().filter(|_| is_truncated).map(|last| pagination::encode(&name(last)));
    Ok(Page { items, is_truncated: Some(is_truncated), marker })
}
