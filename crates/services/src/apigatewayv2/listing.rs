//! Lists in pages: `MaxResults` is a text here.

use serde_json::Value;

use super::{
    Handled,
    error::bad_request,
    record::{Shape, text},
};
use crate::paging;

/// Items of a page where nobody says how many, and at most: all that an API may have of a kind.
const ITEMS_MAX: i64 = 300;

/// The page that a request asks for.
pub(super) fn page(input: &Shape, named: Vec<(String, Shape)>) -> Handled<Shape> {
    let limit = match text(input, "MaxResults") {
        "" => ITEMS_MAX,
        given => match given.parse() {
            Ok(number) if (1..=ITEMS_MAX).contains(&number) => number,
            _ => return Err(bad_request("Invalid maxResults value specified.")),
        },
    };
    let token = Some(text(input, "NextToken"));
    let (items, next) =
        paging::page(named, limit, token).map_err(|_| bad_request("Invalid next token specified."))?;
    let mut output = Shape::new();
    output.insert("Items".into(), items.into_iter().map(Value::Object).collect());
    output.extend(next.map(|next| ("NextToken".to_owned(), next.into())));
    Ok(output)
}
