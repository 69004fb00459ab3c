//! Lists in pages: `limit`, `position`, `items`.

use serde_json::Value;

use super::{
    Handled,
    error::bad_request,
    record::{Shape, text},
};
use crate::paging;

/// Items of a page where nobody says how many, and at most (API reference, "limit").
const ITEMS: i64 = 25;
const ITEMS_MAX: i64 = 500;

/// The page that a request asks for.
pub(super) fn page(input: &Shape, mut named: Vec<(String, Shape)>) -> Handled<Shape> {
    named.sort_by(|one, other| one.0.cmp(&other.0));
    let limit = input.get("limit").and_then(Value::as_i64).unwrap_or(ITEMS).clamp(1, ITEMS_MAX);
    let position = Some(text(input, "position"));
    let page = paging::page(named, limit, position);
    let (items, next) = page.map_err(|_| bad_request("Invalid position parameter specified"))?;
    let mut output = Shape::new();
    output.insert("items".into(), items.into_iter().map(Value::Object).collect());
    output.extend(next.map(|next| ("position".to_owned(), next.into())));
    Ok(output)
}
