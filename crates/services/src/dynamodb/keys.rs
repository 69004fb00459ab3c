//! Keys of items as bytes whose order is DynamoDB's: numbers as numbers, texts and binary by their bytes.
//!
//! A row of a table lies at its partition key and its sort key; an entry of an index at the index's, with the table's behind it, so that items
//! which the index takes for the same have an order, and the entry tells whose it is.

use aws_api::error_response::ApiError;
use serde::{Deserialize, Deserializer, Serialize};
use store::{Row, Span};

use super::{
    error::{invalid, invalid_parameters},
    expressions::Comparator,
    number::Number,
    value::{Item, Value},
};

/// A partition key at most, bytes ("Quotas").
const PARTITION_BYTES_MAX: usize = 2_048;
/// A sort key at most, bytes.
const SORT_BYTES_MAX: usize = 1_024;

/// An attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyAttribute {
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

/// A key of a table or an index. A table has one attribute of each at most, a global index up to four.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeySchema {
    #[serde(deserialize_with = "one_or_many")]
    pub partition: Vec<KeyAttribute>,
    #[serde(deserialize_with = "one_or_many")]
    pub sort: Vec<KeyAttribute>,
}

/// Keys were kept with one attribute of each, or none.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyAttribute>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Many(Vec<KeyAttribute>),
        One(Option<KeyAttribute>),
    }
    Ok(match Kept::deserialize(deserializer)? {
        Kept::Many(many) => many,
        Kept::One(one) => one.into_iter().collect(),
    })
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub partition: Vec<u8>,
    pub sort: Vec<u8>,
}

impl KeySchema {
    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key of an item, alone.
    pub(super) fn of(&self, item: &Item) -> Item {
        let value =
            |attribute: &KeyAttribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone()));
        self.attributes().filter_map(value).collect()
    }

    /// Where an item lies that is put.
    ///
    /// # Errors
    /// When its key is not whole.
    pub(super) fn place_of_item(&self, item: &Item) -> Result<Place, ApiError> {
        for KeyAttribute { name, kind } in self.attributes() {
            match item.get(name) {
                None => return Err(invalid_parameters(&format!("Missing the key {name} in the item"))),
                Some(value) if value.type_name() != kind => {
                    let actual = value.type_name();
                    return Err(invalid_parameters(&format!(
                        "Type mismatch for key {name} expected: {kind} actual: {actual}"
                    )));
                }
                Some(_) => {}
            }
        }
        self.place(item)
    }

    /// Where the item of a key lies, that has nothing else.
    ///
    /// # Errors
    /// When it is no key.
    pub(super) fn place_of_key(&self, key: &Item) -> Result<Place, ApiError> {
        let is_one = |attribute: &KeyAttribute| {
            key.get(&attribute.name).is_some_and(|value| value.type_name() == attribute.kind)
        };
        if key.len() != self.attributes().count() || !self.attributes().all(is_one) {
            return Err(invalid("The provided key element does not match the schema"));
        }
        self.place(key)
    }

    fn place(&self, item: &Item) -> Result<Place, ApiError> {
        for attribute in self.attributes() {
            check_length(attribute, item.get(&attribute.name), self.partition.contains(attribute))?;
        }
        let bytes = |attribute: &KeyAttribute| item.get(&attribute.name).map(bytes).unwrap_or_default();
        let partition: Vec<_> = self.partition.iter().map(bytes).collect();
        let sort = self.sort.iter().flat_map(|attribute| terminated(&bytes(attribute))).collect();
        Ok(Place { partition: partition_of(&partition), sort })
    }

    /// Where an index has an entry for an item; `None` where the item lacks the index's key.
    ///
    /// # Errors
    /// When an attribute of the index's key is of another type.
    pub(super) fn place_of_entry(
        &self,
        index: &str,
        item: &Item,
        table: &Place,
    ) -> Result<Option<Place>, ApiError> {
        for attribute in self.attributes() {
            let Some(value) = item.get(&attribute.name) else { return Ok(None) };
            if value.type_name() != attribute.kind {
                let (name, kind, actual) = (&attribute.name, &attribute.kind, value.type_name());
                return Err(invalid_parameters(&format!(
                    "Type mismatch for Index Key {name} Expected: {kind} Actual: {actual} IndexName: {index}"
                )));
            }
            if bytes(value).is_empty() {
                let (name, kind) = (&attribute.name, if attribute.kind == "S" { "string" } else { "binary" });
                return Err(invalid(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {index}, IndexKey: {name}"
                )));
            }
        }
        let Place { partition, mut sort } = self.place(item)?;
        sort.extend(terminated(&table.partition));
        sort.extend(&table.sort);
        Ok(Some(Place { partition, sort }))
    }

    /// Whose an entry of an index is.
    pub(super) fn owner_of_entry<'a>(&self, row: &'a Row) -> Option<Place> {
        let behind = |rest: &'a [u8], _: &KeyAttribute| split_terminated(rest).map(|(_, behind)| behind);
        place_in(self.sort.iter().try_fold(row.sort.as_slice(), behind)?)
    }
}

/// The partition of the values of its attributes: one is as it is.
pub(super) fn partition_of(values: &[Vec<u8>]) -> Vec<u8> {
    match values {
        [one] => one.clone(),
        more => more.iter().flat_map(|value| terminated(value)).collect(),
    }
}

/// The place that bytes are which have the partition's end in them.
pub(super) fn place_in(bytes: &[u8]) -> Option<Place> {
    let (partition, sort) = split_terminated(bytes)?;
    Some(Place { partition, sort: sort.to_vec() })
}

/// A key has a value that is not empty.
pub(super) fn check_not_empty(attribute: &KeyAttribute, value: &Value) -> Result<(), ApiError> {
    if bytes(value).is_empty() { Err(empty(attribute)) } else { Ok(()) }
}

fn empty(attribute: &KeyAttribute) -> ApiError {
    let (name, kind) = (&attribute.name, if attribute.kind == "B" { "binary" } else { "string" });
    invalid(format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {name}"
    ))
}

fn check_length(attribute: &KeyAttribute, value: Option<&Value>, is_partition: bool) -> Result<(), ApiError> {
    let length = value.map_or(0, |value| bytes(value).len());
    if length == 0 {
        return Err(empty(attribute));
    }
    let (what, max) =
        if is_partition { ("hashkey", PARTITION_BYTES_MAX) } else { ("rangekey", SORT_BYTES_MAX) };
    match attribute.kind != "N" && length > max {
        true => Err(invalid_parameters(&format!(
            "Size of {what} has exceeded the maximum size limit of{max} bytes"
        ))),
        false => Ok(()),
    }
}

/// A value of a key.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::S(text) => text.as_bytes().to_vec(),
        Value::B(bytes) => bytes.clone(),
        Value::N(number) => Number::sort_key(*number),
        _ => Vec::new(),
    }
}

/// Bytes with an end that sorts before whatever goes on.
pub(super) fn terminated(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = escaped(bytes);
    escaped.extend([0, 0]);
    escaped
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| if *byte == 0 { vec![0, 0xff] } else { vec![*byte] };
    bytes.iter().flat_map(escape).collect()
}

/// The bytes, and what follows their end.
fn split_terminated(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    loop {
        match rest {
            [0, 0, after @ ..] => return Some((found, after)),
            [0, 0xff, after @ ..] => {
                found.push(0);
                rest = after;
            }
            [byte, after @ ..] => {
                found.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// Every row of a partition.
pub(super) fn everything() -> Span {
    Span { from: Vec::new(), to: None }
}

/// The rows whose sort key compares so; none of what is unequal.
pub(super) fn span_of(comparator: Comparator, value: &Value) -> Span {
    let (at, behind) = (terminated(&bytes(value)), behind(&bytes(value)));
    match comparator {
        Comparator::Less => Span { from: Vec::new(), to: Some(at) },
        Comparator::LessOrEqual => Span { from: Vec::new(), to: Some(behind) },
        Comparator::Greater => Span { from: behind, to: None },
        Comparator::GreaterOrEqual => Span { from: at, to: None },
        Comparator::Equal | Comparator::NotEqual => Span { from: at, to: Some(behind) },
    }
}

/// The rows whose sort key is one of these or between them.
pub(super) fn span_between(low: &Value, high: &Value) -> Span {
    Span { from: terminated(&bytes(low)), to: Some(behind(&bytes(high))) }
}

/// The rows whose sort key begins so.
pub(super) fn span_beginning(prefix: &Value) -> Span {
    let from = escaped(&bytes(prefix));
    let mut to = from.clone();
    // The next that begins otherwise: the last byte that can be larger is.
    while to.last() == Some(&0xff) {
        to.pop();
    }
    let to = to.last_mut().map(|last| *last += 1).is_some().then_some(to);
    Span { from, to }
}

/// The rows of a span whose sort key has this before it: ends of other values.
pub(super) fn span_within(before: &[u8], span: Span) -> Span {
    let behind = || {
        let mut behind = before.to_vec();
        behind.last_mut().map(|last| *last += 1).is_some().then_some(behind)
    };
    let to = span.to.map(|to| [before, &to].concat()).or_else(behind);
    Span { from: [before, &span.from].concat(), to }
}

/// Behind every row of a sort key.
fn behind(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = escaped(bytes);
    escaped.extend([0, 1]);
    escaped
}

/// What is left of a span behind a row, in the direction in which it is read.
pub(super) fn behind_row(span: Span, sort: &[u8], is_forward: bool) -> Span {
    match is_forward {
        true => Span { from: [sort, &[0]].concat().max(span.from), ..span },
        false => {
            let to = span.to.map_or_else(|| sort.to_vec(), |to| to.min(sort.to_vec()));
            Span { to: Some(to), ..span }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(span: &Span, sort: &[u8]) -> bool {
        *span.from <= *sort && span.to.as_deref().is_none_or(|to| sort < to)
    }

    fn text(text: &str) -> Value {
        Value::S(text.into())
    }

    /// Also with zeros in the keys, and with more behind them, as entries of an index have.
    #[test]
    fn spans_hold_what_compares_so() {
        let all = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "ab", "b", "\u{ff}"];
        for one in all {
            for other in all {
                for tail in [&b""[..], b"tail", b"\0\0"] {
                    let sort = [terminated(one.as_bytes()), tail.to_vec()].concat();
                    for (comparator, expected) in [
                        (Comparator::Equal, one == other),
                        (Comparator::Less, one < other),
                        (Comparator::LessOrEqual, one <= other),
                        (Comparator::Greater, one > other),
                        (Comparator::GreaterOrEqual, one >= other),
                    ] {
                        assert_eq!(
                            holds(&span_of(comparator, &text(other)), &sort),
                            expected,
                            "{one:?} {comparator:?} {other:?}"
                        );
                    }
                    assert_eq!(
                        holds(&span_beginning(&text(other)), &sort),
                        one.starts_with(other),
                        "{one:?} {other:?}"
                    );
                    let between = span_between(&text(other), &text("ab"));
                    assert_eq!(holds(&between, &sort), (other..="ab").contains(&one), "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn an_entry_tells_whose_it_is() {
        let attribute = |name: &str| KeyAttribute { name: name.into(), kind: "S".into() };
        let schema = KeySchema { partition: vec![attribute("g")], sort: vec![attribute("s")] };
        let item: Item =
            [("g", "a\0b"), ("s", "\0")].map(|(name, value)| (name.to_owned(), text(value))).into();
        let table = Place { partition: b"p\0".to_vec(), sort: terminated(b"s") };
        let Place { partition, sort } = schema.place_of_entry("i", &item, &table).unwrap().unwrap();
        let row = Row { partition, sort, item: Vec::new() };
        assert_eq!(schema.owner_of_entry(&row), Some(table.clone()));
        let lacks: Item = [("g".to_owned(), text("a"))].into();
        assert_eq!(schema.place_of_entry("i", &lacks, &table).unwrap(), None);
    }

    #[test]
    fn keys_of_many_attributes_are_in_the_order_of_each() {
        let attribute = |name: &str| KeyAttribute { name: name.into(), kind: "S".into() };
        let schema = KeySchema {
            partition: vec![attribute("a"), attribute("b")],
            sort: vec![attribute("s"), attribute("t")],
        };
        let table = Place { partition: b"p".to_vec(), sort: Vec::new() };
        let place = |values: [&str; 4]| {
            let item: Item =
                ["a", "b", "s", "t"].map(str::to_owned).into_iter().zip(values.map(text)).collect();
            schema.place_of_entry("i", &item, &table).unwrap().unwrap()
        };
        assert_ne!(place(["a", "bc", "s", "t"]).partition, place(["ab", "c", "s", "t"]).partition);
        assert!(place(["a", "b", "s", "z"]) < place(["a", "b", "sa", "a"]));
        let Place { partition, sort } = place(["a", "b", "s", "t"]);
        let row = Row { partition, sort: sort.clone(), item: Vec::new() };
        assert_eq!(schema.owner_of_entry(&row), Some(table.clone()));
        let of_s = span_within(&terminated(b"s"), everything());
        assert!(holds(&of_s, &sort) && !holds(&of_s, &place(["a", "b", "sa", "t"]).sort));
        let from_t = span_within(&terminated(b"s"), span_of(Comparator::GreaterOrEqual, &text("t")));
        assert!(holds(&from_t, &sort) && !holds(&from_t, &place(["a", "b", "s", "a"]).sort));
        assert!(!holds(&from_t, &place(["a", "b", "z", "z"]).sort));
    }

    #[test]
    fn keys_are_read_as_they_were_kept_before_too() {
        let one = r#"{"partition": {"name": "a", "kind": "S"}, "sort": null}"#;
        let many = r#"{"partition": [{"name": "a", "kind": "S"}], "sort": []}"#;
        let read = |text| serde_json::from_str::<KeySchema>(text).unwrap();
        assert_eq!(read(one), read(many));
        assert_eq!(serde_json::to_string(&read(one)).unwrap().replace(' ', ""), many.replace(' ', ""));
    }

    #[test]
    fn what_is_behind_a_row_is_without_it() {
        let span = behind_row(everything(), b"k", true);
        assert!(!holds(&span, b"k") && holds(&span, b"k\0") && holds(&span, b"l"));
        let span = behind_row(everything(), b"k", false);
        assert!(!holds(&span, b"k") && holds(&span, b"j"));
    }
}
