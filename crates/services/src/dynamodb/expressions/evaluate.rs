//! Whether a condition holds for an item.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    super::{
        number::Number,
        value::{Item, Value},
    },
    Comparator, Condition, Function, Operand,
};

/// Whether it holds; an item that is not there has no attributes.
pub(in super::super) fn holds(condition: &Condition, item: &Item) -> bool {
    match condition {
        Condition::Or(one, other) => holds(one, item) || holds(other, item),
        Condition::And(one, other) => holds(one, item) && holds(other, item),
        Condition::Not(one) => !holds(one, item),
        Condition::Compare(one, comparator, other) => {
            match (value_of(one, item), value_of(other, item)) {
                (Some(one), Some(other)) => compares(&one, *comparator, &other),
                // What is not there is unlike everything.
                (one, other) => *comparator == Comparator::NotEqual && one.is_some() != other.is_some(),
            }
        }
        Condition::Between(value, low, high) => {
            let compares = |one, comparator, other| match (value_of(one, item), value_of(other, item)) {
                (Some(one), Some(other)) => compares(&one, comparator, &other),
                _ => false,
            };
            compares(value, Comparator::GreaterOrEqual, low) && compares(value, Comparator::LessOrEqual, high)
        }
        Condition::In(value, all) => {
            let value = value_of(value, item);
            value.is_some() && all.iter().any(|other| value_of(other, item) == value)
        }
        Condition::Call(function, first, second) => calls(*function, first, second.as_ref(), item),
    }
}

/// Which is less; `None` of what has no order between them.
pub(in super::super) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::S(one), Value::S(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (Value::N(one), Value::N(other)) => Some(one.cmp(other)),
        (Value::B(one), Value::B(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn compares(one: &Value, comparator: Comparator, other: &Value) -> bool {
    match comparator {
        Comparator::Equal => one == other,
        Comparator::NotEqual => one != other,
        Comparator::Less => compare(one, other).is_some_and(Ordering::is_lt),
        Comparator::LessOrEqual => compare(one, other).is_some_and(Ordering::is_le),
        Comparator::Greater => compare(one, other).is_some_and(Ordering::is_gt),
        Comparator::GreaterOrEqual => compare(one, other).is_some_and(Ordering::is_ge),
    }
}

fn value_of<'a>(operand: &'a Operand, item: &'a Item) -> Option<Cow<'a, Value>> {
    match operand {
        Operand::Path(path) => path.get(item).map(Cow::Borrowed),
        Operand::Value(value) => Some(Cow::Borrowed(value)),
        Operand::Size(inside) => {
            let size = size_of(value_of(inside, item)?.as_ref())?;
            Number::parse(&size.to_string()).ok().map(|size| Cow::Owned(Value::N(size)))
        }
    }
}

/// What `size` says: bytes, or elements.
fn size_of(value: &Value) -> Option<usize> {
    match value {
        Value::S(text) => Some(text.len()),
        Value::B(bytes) => Some(bytes.len()),
        Value::Ss(all) => Some(all.len()),
        Value::Ns(all) => Some(all.len()),
        Value::Bs(all) => Some(all.len()),
        Value::L(all) => Some(all.len()),
        Value::M(all) => Some(all.len()),
        Value::N(_) | Value::Bool(_) | Value::Null => None,
    }
}

fn calls(function: Function, first: &Operand, second: Option<&Operand>, item: &Item) -> bool {
    let first = value_of(first, item);
    let second = second.and_then(|operand| value_of(operand, item));
    match (function, first.as_deref(), second.as_deref()) {
        (Function::AttributeExists, first, _) => first.is_some(),
        (Function::AttributeNotExists, first, _) => first.is_none(),
        (Function::AttributeType, Some(value), Some(Value::S(name))) => value.type_name() == name,
        (Function::BeginsWith, Some(Value::S(text)), Some(Value::S(start))) => {
            text.starts_with(start.as_str())
        }
        (Function::BeginsWith, Some(Value::B(bytes)), Some(Value::B(start))) => bytes.starts_with(start),
        (Function::Contains, Some(value), Some(part)) => contains(value, part),
        _ => false,
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::B(bytes), Value::B(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == part.as_slice())
        }
        (Value::Ss(all), Value::S(one)) => all.contains(one),
        (Value::Ns(all), Value::N(one)) => all.contains(one),
        (Value::Bs(all), Value::B(one)) => all.contains(one),
        (Value::L(all), one) => all.contains(one),
        _ => false,
    }
}
