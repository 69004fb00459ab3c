//! Filter patterns (B.14): read strictly into a tree. What evaluates the tree comes with the first source.

use serde_json::Value;

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
    /// Null, a string, a number or a boolean, exactly (F-03).
    Exactly(Value),
    /// None of these.
    AnythingBut(Vec<Value>),
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

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let value: Value = serde_json::from_str(text).map_err(|_| InvalidPattern)?;
        Self::of(&value)
    }

    fn of(value: &Value) -> Result<Self, InvalidPattern> {
        let object = value.as_object().ok_or(InvalidPattern)?;
        let fields = object.iter().map(|(name, value)| Ok((name.clone(), FieldPattern::of(name, value)?)));
        Ok(Self { fields: fields.collect::<Result<_, _>>()? })
    }
}

impl FieldPattern {
    fn of(name: &str, value: &Value) -> Result<Self, InvalidPattern> {
        match value {
            Value::Array(patterns) if name == "$or" && !patterns.is_empty() => {
                Ok(Self::Or(patterns.iter().map(FilterPattern::of).collect::<Result<_, _>>()?))
            }
            Value::Array(matchers) if !matchers.is_empty() => {
                Ok(Self::AnyOf(matchers.iter().map(Matcher::of).collect::<Result<_, _>>()?))
            }
            Value::Object(_) => Ok(Self::Nested(FilterPattern::of(value)?)),
            _ => Err(InvalidPattern),
        }
    }
}

impl Matcher {
    fn of(value: &Value) -> Result<Self, InvalidPattern> {
        let Value::Object(object) = value else {
            return if value.is_array() { Err(InvalidPattern) } else { Ok(Self::Exactly(value.clone())) };
        };
        let mut entries = object.iter();
        let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
            return Err(InvalidPattern);
        };
        let text = || operand.as_str().map(str::to_owned).ok_or(InvalidPattern);
        match operator.as_str() {
            "prefix" => text().map(Self::Prefix),
            "suffix" => text().map(Self::Suffix),
            "equals-ignore-case" => text().map(Self::EqualsIgnoreCase),
            "exists" => operand.as_bool().map(Self::Exists).ok_or(InvalidPattern),
            "anything-but" => anything_but(operand),
            "numeric" => numeric(operand),
            _ => Err(InvalidPattern),
        }
    }
}

fn anything_but(operand: &Value) -> Result<Matcher, InvalidPattern> {
    let is_plain = |value: &Value| value.is_string() || value.is_number();
    match operand {
        Value::Array(values) if !values.is_empty() && values.iter().all(is_plain) => {
            Ok(Matcher::AnythingBut(values.clone()))
        }
        value if is_plain(value) => Ok(Matcher::AnythingBut(vec![value.clone()])),
        _ => Err(InvalidPattern),
    }
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
