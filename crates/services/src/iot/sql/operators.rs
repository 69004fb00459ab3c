//! Operators on values. What they are not made for gives undefined.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::expression::Operator;

/// The value of `left operator right`.
pub(super) fn apply(operator: Operator, left: Option<Value>, right: Option<Value>) -> Option<Value> {
    match operator {
        Operator::And => Some(Value::Bool(truth(&left?)? && truth(&right?)?)),
        Operator::Or => Some(Value::Bool(truth(&left?)? || truth(&right?)?)),
        Operator::Equal => Some(Value::Bool(equal(&left?, &right?))),
        Operator::NotEqual => Some(Value::Bool(!equal(&left?, &right?))),
        Operator::In => match right? {
            Value::Array(all) => {
                let left = left?;
                Some(Value::Bool(all.iter().any(|one| equal(one, &left))))
            }
            _ => None,
        },
        Operator::Less => compared(left, right, |order| order == Ordering::Less),
        Operator::LessOrEqual => compared(left, right, |order| order != Ordering::Greater),
        Operator::Greater => compared(left, right, |order| order == Ordering::Greater),
        Operator::GreaterOrEqual => compared(left, right, |order| order != Ordering::Less),
        Operator::Plus => added(&left?, &right?),
        Operator::Minus => computed(&left?, &right?, i64::checked_sub, |one, other| one - other),
        Operator::Times => computed(&left?, &right?, i64::checked_mul, |one, other| one * other),
        Operator::DividedBy => computed(&left?, &right?, i64::checked_div, |one, other| one / other),
        Operator::Modulo => computed(&left?, &right?, i64::checked_rem, |one, other| one % other),
    }
}

/// A Boolean, or the text of one.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A number, or the text of one.
pub(super) fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A whole number that is one.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// A value of a number; what is no number is undefined.
pub(super) fn number(of: f64) -> Option<Value> {
    Number::from_f64(of).map(Value::Number)
}

/// As it is written in a text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_) | Value::String(_)) | (Value::String(_), Value::Number(_)) => {
            matches!((decimal(left), decimal(right)), (Some(one), Some(other)) if one == other)
        }
        _ => left == right,
    }
}

fn compared(left: Option<Value>, right: Option<Value>, is: fn(Ordering) -> bool) -> Option<Value> {
    let (left, right) = (left?, right?);
    let order = match (&left, &right) {
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => decimal(&left)?.partial_cmp(&decimal(&right)?),
    };
    order.map(|order| Value::Bool(is(order)))
}

/// Texts are put together, numbers are added.
fn added(left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::String(_), _) | (_, Value::String(_)) => {
            Some(Value::String(format!("{}{}", text(left), text(right))))
        }
        _ => computed(left, right, i64::checked_add, |one, other| one + other),
    }
}

/// Whole numbers give whole ones, as far as they can.
fn computed(
    left: &Value,
    right: &Value,
    of_whole: fn(i64, i64) -> Option<i64>,
    of_decimals: fn(f64, f64) -> f64,
) -> Option<Value> {
    if let (Some(one), Some(other)) = (whole(left), whole(right))
        && let Some(result) = of_whole(one, other)
    {
        return Some(result.into());
    }
    number(of_decimals(decimal(left)?, decimal(right)?))
}
