//! Conditions: an operator, a fact of the request, the values that it is held against.

use std::{net::IpAddr, str::FromStr};

use aws_api::timestamp;
use serde_json::Value;

use super::{AuthorizationRequest, document::DocumentError, wildcard};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    operator: Operator,
    /// Whether it is the opposite of the operator.
    is_negated: bool,
    quantifier: Quantifier,
    /// Whether it holds where the fact is not known.
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

/// Which values of a fact with several must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    None,
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    pub(super) fn parse(name: &str, key: &str, values: &Value) -> Result<Self, DocumentError> {
        let unknown = || DocumentError::new(format!("unknown operator {name}"));
        let (quantifier, rest) = match name.split_once(':') {
            None => (Quantifier::None, name),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return Err(unknown()),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (operator, is_negated) = operator(rest).ok_or_else(unknown)?;
        let key = key.to_ascii_lowercase();
        Ok(Self { operator, is_negated, quantifier, if_exists, key, values: texts(values)? })
    }

    /// Whether it holds; `text` replaces variables.
    pub(super) fn holds(
        &self,
        request: &AuthorizationRequest,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> bool {
        let known = request.values(&self.key).filter(|values| !values.is_empty());
        if self.operator == Operator::Null {
            let is_null = known.is_none();
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == is_null);
        }
        let Some(known) = known else {
            return match self.quantifier {
                Quantifier::All => true,
                Quantifier::Any => self.if_exists,
                Quantifier::None => self.if_exists || self.is_negated,
            };
        };
        let wanted: Vec<String> = self.values.iter().filter_map(|value| text(value)).collect();
        let is_wanted = |value: &String| wanted.iter().any(|wanted| self.operator.compare(wanted, value));
        match (self.quantifier, self.is_negated) {
            (Quantifier::All, negated) => known.iter().all(|value| is_wanted(value) != negated),
            (Quantifier::Any, negated) => known.iter().any(|value| is_wanted(value) != negated),
            (Quantifier::None, false) => known.iter().any(is_wanted),
            (Quantifier::None, true) => !known.iter().any(is_wanted),
        }
    }
}

fn operator(name: &str) -> Option<(Operator, bool)> {
    let of_order = |rest: &str| {
        Some(match rest {
            "Equals" => (Order::Equals, false),
            "NotEquals" => (Order::Equals, true),
            "LessThan" => (Order::Less, false),
            "LessThanEquals" => (Order::LessOrEqual, false),
            "GreaterThan" => (Order::Greater, false),
            "GreaterThanEquals" => (Order::GreaterOrEqual, false),
            _ => return None,
        })
    };
    if let Some(rest) = name.strip_prefix("Numeric") {
        return of_order(rest).map(|(order, negated)| (Operator::Numeric(order), negated));
    }
    if let Some(rest) = name.strip_prefix("Date") {
        return of_order(rest).map(|(order, negated)| (Operator::Date(order), negated));
    }
    Some(match name {
        "StringEquals" => (Operator::StringEquals, false),
        "StringNotEquals" => (Operator::StringEquals, true),
        "StringEqualsIgnoreCase" => (Operator::StringEqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Operator::StringEqualsIgnoreCase, true),
        "StringLike" => (Operator::StringLike, false),
        "StringNotLike" => (Operator::StringLike, true),
        "Bool" => (Operator::Bool, false),
        "BinaryEquals" => (Operator::BinaryEquals, false),
        "IpAddress" => (Operator::IpAddress, false),
        "NotIpAddress" => (Operator::IpAddress, true),
        "ArnEquals" | "ArnLike" => (Operator::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Operator::Arn, true),
        "Null" => (Operator::Null, false),
        _ => return None,
    })
}

impl Operator {
    /// Whether a value of the request is one that is wanted.
    fn compare(self, wanted: &str, value: &str) -> bool {
        match self {
            Self::StringEquals | Self::BinaryEquals => plain(wanted) == value,
            Self::StringEqualsIgnoreCase => plain(wanted).eq_ignore_ascii_case(value),
            Self::StringLike => wildcard::matches(wanted, value),
            Self::Bool => wanted.eq_ignore_ascii_case(value),
            Self::Numeric(order) => match (f64::from_str(value), f64::from_str(wanted)) {
                (Ok(value), Ok(wanted)) => order.holds(value.partial_cmp(&wanted)),
                _ => false,
            },
            Self::Date(order) => match (seconds(value), seconds(wanted)) {
                (Some(value), Some(wanted)) => order.holds(value.partial_cmp(&wanted)),
                _ => false,
            },
            Self::IpAddress => is_in_network(wanted, value),
            Self::Arn => wildcard::matches_arn(wanted, value),
            Self::Null => false,
        }
    }
}

/// A text whose variables stand for themselves.
fn plain(wanted: &str) -> String {
    wanted.replace(wildcard::LITERAL_STAR, "*").replace(wildcard::LITERAL_QUESTION, "?")
}

impl Order {
    fn holds(self, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equals => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// Unix time of an ISO 8601 time or date, or of what is Unix time already.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(seconds);
    }
    timestamp::unix_seconds(text)
}

/// Whether an address is in a network in CIDR notation, or is the one address.
fn is_in_network(network: &str, address: &str) -> bool {
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => (base, length.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    match (base.parse::<IpAddr>(), address.parse::<IpAddr>(), length) {
        (Ok(IpAddr::V4(base)), Ok(IpAddr::V4(address)), Some(length)) => {
            let kept = length.min(32);
            let mask = u32::MAX.checked_shl(32 - kept).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        (Ok(IpAddr::V6(base)), Ok(IpAddr::V6(address)), Some(length)) => {
            let kept = length.min(128);
            let mask = u128::MAX.checked_shl(128 - kept).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

/// Values may be texts, numbers and booleans, one or many.
fn texts(value: &Value) -> Result<Vec<String>, DocumentError> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(DocumentError::new("a condition's value is a text, a number or a boolean")),
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}
