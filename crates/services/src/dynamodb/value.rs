//! Values of attributes, and items.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::{blob::Blob, error_response::ApiError, generated::dynamodb::types::AttributeValue};

use bytes::Bytes;

use super::{
    error::{invalid, invalid_parameters},
    number::{Number, NumberError},
};

/// Lists and maps in each other at most ("Service, account, and table quotas").
const DEPTH_MAX: usize = 32;

/// An item: attributes by their names.
pub(super) type Item = BTreeMap<String, Value>;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    S(String),
    N(Number),
    B(Vec<u8>),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Number>),
    Bs(BTreeSet<Vec<u8>>),
    Bool(bool),
    Null,
    L(Vec<Value>),
    M(Item),
}

impl Value {
    /// Checks a value of a request.
    ///
    /// # Errors
    /// When it is none, or several.
    pub(super) fn read(value: AttributeValue) -> Result<Self, ApiError> {
        Self::at_depth(value, 0)
    }

    fn at_depth(value: AttributeValue, depth: usize) -> Result<Self, ApiError> {
        if depth > DEPTH_MAX {
            return Err(invalid("Nesting Levels have exceeded supported limits"));
        }
        let AttributeValue { s, n, b, ss, ns, bs, m, l, null, bool } = value;
        let mut found = Vec::new();
        found.extend(s.map(|text| Ok(Self::S(text))));
        found.extend(n.map(|text| number(&text).map(Self::N)));
        found.extend(b.map(|bytes| Ok(Self::B(bytes.into_bytes().into()))));
        found.extend(ss.map(|texts| {
            set(texts, "An string set  may not be empty", |text| Ok(text.clone())).map(Self::Ss)
        }));
        found.extend(
            ns.map(|texts| set(texts, "An number set  may not be empty", |text| number(text)).map(Self::Ns)),
        );
        found.extend(bs.map(|all| {
            let all: Vec<Vec<u8>> = all.into_iter().map(|bytes| bytes.into_bytes().into()).collect();
            binary_set(all).map(Self::Bs)
        }));
        found.extend(m.map(|fields| {
            let field = |(name, value)| Ok((name, Self::at_depth(value, depth + 1)?));
            fields.into_iter().map(field).collect::<Result<_, ApiError>>().map(Self::M)
        }));
        found.extend(l.map(|values| {
            values
                .into_iter()
                .map(|value| Self::at_depth(value, depth + 1))
                .collect::<Result<_, _>>()
                .map(Self::L)
        }));
        found.extend(null.map(|is_null| match is_null {
            true => Ok(Self::Null),
            false => Err(invalid_parameters("Null attribute value types must have the value of true")),
        }));
        found.extend(bool.map(|value| Ok(Self::Bool(value))));
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(value), None) => value,
            (None, _) => Err(invalid(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            )),
            (Some(_), Some(_)) => Err(invalid(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            )),
        }
    }

    /// As the API has it.
    pub(super) fn shown(self) -> AttributeValue {
        let mut value = AttributeValue::default();
        match self {
            Self::S(text) => value.s = Some(text),
            Self::N(number) => value.n = Some(number.to_string()),
            Self::B(bytes) => value.b = Some(Blob::from(Bytes::from(bytes))),
            Self::Ss(texts) => value.ss = Some(texts.into_iter().collect()),
            Self::Ns(numbers) => {
                value.ns = Some(numbers.into_iter().map(|number| number.to_string()).collect())
            }
            Self::Bs(all) => {
                value.bs = Some(all.into_iter().map(|bytes| Blob::from(Bytes::from(bytes))).collect())
            }
            Self::Bool(is) => value.bool = Some(is),
            Self::Null => value.null = Some(true),
            Self::L(values) => value.l = Some(values.into_iter().map(Self::shown).collect()),
            Self::M(fields) => value.m = Some(shown(fields)),
        }
        value
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self, Self::Ss(_) | Self::Ns(_) | Self::Bs(_))
    }

    /// `S`, `NS` and so on.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// What it counts for the size of its item, bytes ("Capacity unit consumption").
    pub(super) fn size(&self) -> usize {
        /// Of a list or a map; and of each element of it.
        const CONTAINER: usize = 3;
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Ss(texts) => texts.iter().map(String::len).sum(),
            Self::Ns(numbers) => numbers.iter().map(|number| number.size()).sum(),
            Self::Bs(all) => all.iter().map(Vec::len).sum(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(values) => CONTAINER + values.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(fields) => {
                CONTAINER + fields.iter().map(|(name, value)| 1 + name.len() + value.size()).sum::<usize>()
            }
        }
    }
}

/// What an item counts, bytes.
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

/// Attributes of a request.
///
/// # Errors
/// When a value is none.
pub(super) fn read(attributes: BTreeMap<String, AttributeValue>) -> Result<Item, ApiError> {
    attributes.into_iter().map(|(name, value)| Ok((name, Value::read(value)?))).collect()
}

/// Attributes as the API has them.
pub(super) fn shown(item: Item) -> BTreeMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, value.shown())).collect()
}

/// A number of a request.
pub(super) fn number(text: &str) -> Result<Number, ApiError> {
    Number::parse(text).map_err(|error| match error {
        NumberError::Invalid => {
            invalid(format!("The parameter cannot be converted to a numeric value: {text}"))
        }
        other => of_number(other),
    })
}

/// What cannot be kept of a number.
pub(super) fn of_number(error: NumberError) -> ApiError {
    invalid(match error {
        NumberError::Invalid => "The parameter cannot be converted to a numeric value",
        NumberError::TooPrecise => "Attempting to store more than 38 significant digits in a Number",
        NumberError::Overflow => {
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        }
        NumberError::Underflow => {
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        }
    })
}

fn set<T: Ord>(
    texts: Vec<String>,
    empty: &str,
    read: impl Fn(&String) -> Result<T, ApiError>,
) -> Result<BTreeSet<T>, ApiError> {
    if texts.is_empty() {
        return Err(invalid_parameters(empty));
    }
    let values: BTreeSet<T> = texts.iter().map(read).collect::<Result<_, _>>()?;
    match values.len() == texts.len() {
        true => Ok(values),
        false => Err(duplicates(&texts.join(", "))),
    }
}

fn binary_set(all: Vec<Vec<u8>>) -> Result<BTreeSet<Vec<u8>>, ApiError> {
    let count = all.len();
    let values: BTreeSet<Vec<u8>> = all.into_iter().collect();
    match (count, values.len() == count) {
        (0, _) => Err(invalid_parameters("Binary sets should not be empty")),
        (_, true) => Ok(values),
        (_, false) => Err(duplicates("...")),
    }
}

fn duplicates(shown: &str) -> ApiError {
    invalid_parameters(&format!("Input collection [{shown}] contains duplicates."))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read_json(value: Json) -> Result<Value, String> {
        Value::read(serde_json::from_value(value).unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn what_is_read_is_shown_again() {
        for (value, size) in [
            (json!({"S": "äb"}), 3),
            (json!({"N": "-12.5"}), 4),
            (json!({"B": "AAE="}), 2),
            (json!({"SS": ["a", "b"]}), 2),
            (json!({"NS": ["1", "10", "2"]}), 6),
            (json!({"BS": ["AA=="]}), 1),
            (json!({"BOOL": false}), 1),
            (json!({"NULL": true}), 1),
            (json!({"L": [{"S": "a"}, {"L": []}]}), 3 + 2 + 4),
            (json!({"M": {"k": {"S": "v"}}}), 3 + 1 + 1 + 1),
            (json!({"S": ""}), 0),
        ] {
            let read = read_json(value.clone()).unwrap();
            assert_eq!(read.size(), size, "{value}");
            let mut shown = serde_json::to_value(read.shown()).unwrap();
            if let Some(numbers) = shown.get_mut("NS").and_then(Json::as_array_mut) {
                numbers.sort_by_key(|number| number.as_str().unwrap().to_owned());
            }
            assert_eq!(shown, value);
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (value, part) in [
            (json!({}), "Supplied AttributeValue is empty"),
            (json!({"S": "a", "N": "1"}), "more than one datatypes set"),
            (json!({"N": "x"}), "cannot be converted to a numeric value: x"),
            (json!({"N": "1e126"}), "Number overflow"),
            (json!({"SS": []}), "may not be empty"),
            (json!({"SS": ["a", "a"]}), "Input collection [a, a] contains duplicates."),
            (json!({"NS": ["1", "1.0"]}), "contains duplicates"),
            (json!({"NULL": false}), "must have the value of true"),
            (json!({"M": {"k": {}}}), "Supplied AttributeValue is empty"),
        ] {
            let why = read_json(value.clone()).unwrap_err();
            assert!(why.contains(part), "{value}: {why}");
        }
        let nested = |depth: usize| (0..depth).fold(json!({"S": "x"}), |value, _| json!({"L": [value]}));
        assert!(read_json(nested(32)).is_ok());
        assert_eq!(read_json(nested(33)).unwrap_err(), "Nesting Levels have exceeded supported limits");
    }
}
