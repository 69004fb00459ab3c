//! Filter patterns (B.14): read strictly into a tree, which [`matching`] holds records against.

pub mod matching;
pub mod sqs;

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

/// A pattern: every field must match.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterPattern {
    /// Fields with what they must be.
    pub fields: Vec<(String, FieldPattern)>,
}

/// What a field must be.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldPattern {
    /// An object with a pattern of its own.
    Nested(FilterPattern),
    /// One of these.
    AnyOf(Vec<Matcher>),
    /// One of several patterns (`$or`).
    Or(Vec<FilterPattern>),
}

/// One way in which a value matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    /// Null, a string, a number or a boolean, exactly.
    Exactly(Scalar),
    /// None of these.
    AnythingBut(Vec<Scalar>),
    /// A string that begins so.
    Prefix(String),
    /// A string that ends so.
    Suffix(String),
    /// The same but for the case of letters.
    EqualsIgnoreCase(String),
    /// A number within bounds: operator and operand, one or two of them.
    Numeric(Vec<(NumericOperator, f64)>),
    /// Whether the field is there.
    Exists(bool),
}

/// A value that is neither array nor object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number as it is written: 300, 300.0 and 3.0e2 are three (F-03).
    Number(String),
    /// A string, byte for byte.
    Text(String),
}

impl Scalar {
    /// What JSON text says; `None` for an array, an object, or no JSON.
    fn parse(json: &str) -> Option<Self> {
        let written = json.trim();
        match serde_json::from_str(written).ok()? {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Boolean(value)),
            Value::Number(_) => Some(Self::Number(written.to_owned())),
            Value::String(text) => Some(Self::Text(text)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// `numeric`'s comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericOperator {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// It is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPattern;

/// An object as it is written: of a name that is there twice the last counts (F-04).
type RawObject<'a> = BTreeMap<String, &'a RawValue>;

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let object: RawObject<'_> = read(text)?;
        let fields = object.into_iter().map(|(name, raw)| {
            let field = FieldPattern::parse(&name, raw.get())?;
            Ok((name, field))
        });
        Ok(Self { fields: fields.collect::<Result<_, _>>()? })
    }
}

impl FieldPattern {
    fn parse(name: &str, text: &str) -> Result<Self, InvalidPattern> {
        if text.starts_with('{') {
            return FilterPattern::parse(text).map(Self::Nested);
        }
        let items: Vec<&RawValue> = read(text)?;
        if items.is_empty() {
            return Err(InvalidPattern);
        }
        if name == "$or" {
            let patterns = items.iter().map(|item| FilterPattern::parse(item.get()));
            return Ok(Self::Or(patterns.collect::<Result<_, _>>()?));
        }
        Ok(Self::AnyOf(items.iter().map(|item| Matcher::parse(item.get())).collect::<Result<_, _>>()?))
    }
}

impl Matcher {
    fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if !text.starts_with('{') {
            return Scalar::parse(text).map(Self::Exactly).ok_or(InvalidPattern);
        }
        let mut entries = read::<RawObject<'_>>(text)?.into_iter();
        let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
            return Err(InvalidPattern);
        };
        let operand = operand.get();
        match operator.as_str() {
            "prefix" => read(operand).map(Self::Prefix),
            "suffix" => read(operand).map(Self::Suffix),
            "equals-ignore-case" => read(operand).map(Self::EqualsIgnoreCase),
            "exists" => read(operand).map(Self::Exists),
            "anything-but" => anything_but(operand),
            "numeric" => numeric(&read(operand)?),
            _ => Err(InvalidPattern),
        }
    }
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, InvalidPattern> {
    serde_json::from_str(text).map_err(|_| InvalidPattern)
}

fn anything_but(operand: &str) -> Result<Matcher, InvalidPattern> {
    let plain = |text: &str| {
        let scalar =
            Scalar::parse(text).filter(|scalar| matches!(scalar, Scalar::Text(_) | Scalar::Number(_)));
        scalar.ok_or(InvalidPattern)
    };
    if !operand.starts_with('[') {
        return Ok(Matcher::AnythingBut(vec![plain(operand)?]));
    }
    let values = read::<Vec<&RawValue>>(operand)?.into_iter().map(|value| plain(value.get()));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() { Err(InvalidPattern) } else { Ok(Matcher::AnythingBut(values)) }
}

fn numeric(operand: &Value) -> Result<Matcher, InvalidPattern> {
    let parts = operand.as_array().filter(|parts| matches!(parts.len(), 2 | 4)).ok_or(InvalidPattern)?;
    let bounds = parts.chunks(2).map(|pair| {
        let operator = match pair[0].as_str() {
            Some("=") => NumericOperator::Equal,
            Some("<") => NumericOperator::Less,
            Some("<=") => NumericOperator::LessOrEqual,
            Some(">") => NumericOperator::Greater,
            Some(">=") => NumericOperator::GreaterOrEqual,
            _ => return Err(InvalidPattern),
        };
        Ok((operator, pair[1].as_f64().ok_or(InvalidPattern)?))
    });
    Ok(Matcher::Numeric(bounds.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_into_a_tree() {
        let pattern = FilterPattern::parse(
            r#"{"body": {"size": [{"numeric": [">", 5, "<=", 9]}], "kind": ["a", null, {"prefix": "b"}]},
                "gone": [{"exists": false}], "$or": [{"x": [1]}, {"y": [{"anything-but": ["z"]}]}]}"#,
        );
        let fields = pattern.unwrap().fields;
        assert_eq!(fields.len(), 3);
        let body = fields.iter().find(|(name, _)| name == "body").unwrap();
        let FieldPattern::Nested(body) = &body.1 else { panic!("{body:?}") };
        assert!(body.fields.contains(&(
            "size".into(),
            FieldPattern::AnyOf(vec![Matcher::Numeric(vec![
                (NumericOperator::Greater, 5.0),
                (NumericOperator::LessOrEqual, 9.0)
            ])])
        )));
        assert!(FilterPattern::parse("{}").is_ok());
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "[]",
            "7",
            r#"{"a": "b"}"#,
            r#"{"a": []}"#,
            r#"{"a": [[1]]}"#,
            r#"{"a": [{"unknown": 1}]}"#,
            r#"{"a": [{"prefix": 1}]}"#,
            r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#,
            r#"{"a": [{"numeric": [">"]}]}"#,
            r#"{"a": [{"numeric": ["about", 5]}]}"#,
            r#"{"a": [{"anything-but": [{}]}]}"#,
            r#"{"a": [{"exists": "yes"}]}"#,
        ] {
            assert_eq!(FilterPattern::parse(text), Err(InvalidPattern), "{text}");
        }
    }
}
