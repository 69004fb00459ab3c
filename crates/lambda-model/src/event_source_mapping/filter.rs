//! Filter patterns (B.14): read strictly into a tree, which [`matching`] holds records against.

pub mod kafka;
pub mod matching;
mod said;
pub mod sqs;

use core::net::IpAddr;
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
    /// A string that begins so but for the case of letters, which are small here.
    PrefixIgnoreCase(String),
    /// A string that ends so but for the case of letters, which are small here.
    SuffixIgnoreCase(String),
    /// A number within bounds: operator and operand, one or two of them.
    Numeric(Vec<(NumericOperator, f64)>),
    /// Whether the field is there.
    Exists(bool),
    /// The same number but for what comes after the fifth decimal.
    About(f64),
    /// A string with these parts in their order, the first at its beginning and the last at its end; there are two at least.
    Wildcard(Vec<String>),
    /// An address of that network.
    Cidr(IpAddr, u8),
    /// A string that is none of these.
    NoneOf(Vec<Matcher>),
}

/// Who asks: each of AWS's services has the operators that it documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Event source mappings (B.14).
    EventSources,
    /// Subscriptions of SNS: networks, wildcards and more that a string may not be; numbers are compared by their value.
    Topics,
    /// Rules of EventBridge: the same operators, prefixes and suffixes in any case; numbers are compared as they are written.
    Rules,
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
        Self::parse_as(text, Dialect::EventSources)
    }

    /// Reads a pattern with the operators of somebody.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse_as(text: &str, dialect: Dialect) -> Result<Self, InvalidPattern> {
        let object: RawObject<'_> = read(text)?;
        let fields = object.into_iter().map(|(name, raw)| {
            let field = FieldPattern::parse(&name, raw.get(), dialect)?;
            Ok((name, field))
        });
        let mut fields: Vec<_> = fields.collect::<Result<_, _>>()?;
        // Values before objects, which are read anew: most patterns are decided by the first.
        fields.sort_by_key(|(_, field)| !matches!(field, FieldPattern::AnyOf(_)));
        Ok(Self { fields })
    }
}

impl FieldPattern {
    fn parse(name: &str, text: &str, dialect: Dialect) -> Result<Self, InvalidPattern> {
        if text.starts_with('{') {
            return FilterPattern::parse_as(text, dialect).map(Self::Nested);
        }
        let items: Vec<&RawValue> = read(text)?;
        if items.is_empty() {
            return Err(InvalidPattern);
        }
        if name == "$or" {
            let patterns = items.iter().map(|item| FilterPattern::parse_as(item.get(), dialect));
            return Ok(Self::Or(patterns.collect::<Result<_, _>>()?));
        }
        let matchers = items.iter().map(|item| Matcher::parse(item.get(), dialect));
        Ok(Self::AnyOf(matchers.collect::<Result<_, _>>()?))
    }
}

impl Matcher {
    fn parse(text: &str, dialect: Dialect) -> Result<Self, InvalidPattern> {
        if !text.starts_with('{') {
            let scalar = Scalar::parse(text).ok_or(InvalidPattern)?;
            return match &scalar {
                Scalar::Number(written) if dialect == Dialect::Topics => {
                    written.parse().map(Self::About).map_err(|_| InvalidPattern)
                }
                _ => Ok(Self::Exactly(scalar)),
            };
        }
        let mut entries = read::<RawObject<'_>>(text)?.into_iter();
        let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
            return Err(InvalidPattern);
        };
        let operand = operand.get();
        if dialect != Dialect::EventSources
            && let Some(matcher) = of_topics(&operator, operand)
        {
            return matcher;
        }
        if dialect == Dialect::Rules
            && let Some(matcher) = of_rules(&operator, operand)
        {
            return matcher;
        }
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

/// What only rules know; `None` for the rest: `{"prefix": {"equals-ignore-case": "a"}}`, and the same with `suffix`.
fn of_rules(operator: &str, operand: &str) -> Option<Result<Matcher, InvalidPattern>> {
    let in_any_case: fn(String) -> Matcher = match operator {
        "prefix" => Matcher::PrefixIgnoreCase,
        "suffix" => Matcher::SuffixIgnoreCase,
        _ => return None,
    };
    if !operand.starts_with('{') {
        return None;
    }
    let object = read::<BTreeMap<String, String>>(operand);
    Some(object.and_then(|object| match (object.get("equals-ignore-case"), object.len()) {
        (Some(text), 1) => Ok(in_any_case(text.to_lowercase())),
        _ => Err(InvalidPattern),
    }))
}

/// What event sources do not know; `None` for the rest.
fn of_topics(operator: &str, operand: &str) -> Option<Result<Matcher, InvalidPattern>> {
    Some(match operator {
        "wildcard" => read::<String>(operand).map(|pattern| wildcard(&pattern)),
        "cidr" => read::<&str>(operand).and_then(cidr),
        "anything-but" if operand.starts_with('{') => none_of(operand),
        _ => return None,
    })
}

/// `{"prefix": "a"}`, `{"suffix": ["b", "c"]}` and so on.
fn none_of(operand: &str) -> Result<Matcher, InvalidPattern> {
    let object: BTreeMap<String, Value> = read(operand)?;
    let (Some((operator, values)), 1) = (object.iter().next(), object.len()) else {
        return Err(InvalidPattern);
    };
    let matcher = match operator.as_str() {
        "prefix" => |text: &str| Matcher::Prefix(text.to_owned()),
        "suffix" => |text: &str| Matcher::Suffix(text.to_owned()),
        "equals-ignore-case" => |text: &str| Matcher::EqualsIgnoreCase(text.to_owned()),
        "wildcard" => wildcard,
        _ => return Err(InvalidPattern),
    };
    let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
    let each = values.iter().map(|value| value.as_str().map(matcher).ok_or(InvalidPattern));
    let each: Vec<_> = each.collect::<Result<_, _>>()?;
    if each.is_empty() { Err(InvalidPattern) } else { Ok(Matcher::NoneOf(each)) }
}

/// `*` stands for anything; a backslash takes what follows as it is.
fn wildcard(pattern: &str) -> Matcher {
    let mut parts = vec![String::new()];
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, parts.last_mut()) {
            ('*', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(letters.next()),
            (_, Some(part)) => part.push(letter),
            (_, None) => {}
        }
    }
    match parts.len() {
        1 => Matcher::Exactly(Scalar::Text(parts.concat())),
        _ => Matcher::Wildcard(parts),
    }
}

fn cidr(text: &str) -> Result<Matcher, InvalidPattern> {
    let (address, bits) = text.split_once('/').ok_or(InvalidPattern)?;
    let address: IpAddr = address.parse().map_err(|_| InvalidPattern)?;
    let bits = bits.parse().map_err(|_| InvalidPattern)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if bits <= most { Ok(Matcher::Cidr(address, bits)) } else { Err(InvalidPattern) }
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
    fn rules_know_prefixes_in_any_case() {
        let text =
            r#"{"a": [{"prefix": {"equals-ignore-case": "Ab"}}, {"suffix": {"equals-ignore-case": "Yz"}}]}"#;
        let pattern = FilterPattern::parse_as(text, Dialect::Rules).unwrap();
        assert!(pattern.matches(r#"{"a": "aBc"}"#) && pattern.matches(r#"{"a": "xYZ"}"#));
        assert!(!pattern.matches(r#"{"a": "bc"}"#) && !pattern.matches(r#"{"a": 1}"#));
        for (wrong, dialect) in [
            (text, Dialect::Topics),
            (text, Dialect::EventSources),
            (r#"{"a": [{"prefix": {"prefix": "a"}}]}"#, Dialect::Rules),
            (r#"{"a": [{"prefix": {}}]}"#, Dialect::Rules),
        ] {
            assert_eq!(FilterPattern::parse_as(wrong, dialect), Err(InvalidPattern), "{wrong}");
        }
        // Numbers are what is written, as in event sources (F-03).
        let pattern = FilterPattern::parse_as(r#"{"a": [300]}"#, Dialect::Rules).unwrap();
        assert!(pattern.matches(r#"{"a": 300}"#) && !pattern.matches(r#"{"a": 300.0}"#));
        assert!(FilterPattern::parse_as(r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#, Dialect::Rules).is_ok());
    }

    #[test]
    fn what_topics_know_event_sources_do_not() {
        for text in [
            r#"{"a": [{"wildcard": "x*"}]}"#,
            r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#,
            r#"{"a": [{"anything-but": {"prefix": "x"}}]}"#,
        ] {
            assert!(FilterPattern::parse_as(text, Dialect::Topics).is_ok(), "{text}");
            assert_eq!(FilterPattern::parse(text), Err(InvalidPattern), "{text}");
        }
        for text in [
            r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#,
            r#"{"a": [{"cidr": "10.0.0.0"}]}"#,
            r#"{"a": [{"anything-but": {"prefix": []}}]}"#,
            r#"{"a": [{"anything-but": {"prefix": "x", "suffix": "y"}}]}"#,
        ] {
            assert_eq!(FilterPattern::parse_as(text, Dialect::Topics), Err(InvalidPattern), "{text}");
        }
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
