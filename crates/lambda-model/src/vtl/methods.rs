//! Methods and properties of values: those of Java's texts, lists, maps and numbers that templates use. What is not here is nothing, as a
//! property that is not there.

mod lists;
mod maps;
mod texts;

use super::{RenderError, Value, json, meter, numbers, print};

/// What a method gives.
type Called = Result<Value, RenderError>;

/// A property: a member of a map, or what Java's beans call by such a name.
pub(super) fn property(value: &Value, name: &str) -> Value {
    match value {
        Value::Map(map) => map.borrow().get(name).cloned().unwrap_or_else(|| match name {
            "empty" => Value::Boolean(map.borrow().is_empty()),
            _ => Value::Null,
        }),
        Value::List { items, .. } if name == "empty" => Value::Boolean(items.borrow().is_empty()),
        Value::Text(text) => match name {
            "empty" => Value::Boolean(text.is_empty()),
            "bytes" if meter::check_list(text.len()).is_ok() => {
                Value::list(text.bytes().map(|byte| Value::Integer(i128::from(byte as i8))).collect())
            }
            _ => Value::Null,
        },
        Value::Input(input) => input.property(name),
        _ => Value::Null,
    }
}

/// What a method gives; nothing where there is none of the name that takes these arguments.
pub(super) fn call(value: &Value, name: &str, arguments: &[Value]) -> Called {
    match (name, arguments) {
        ("toString", []) => return Ok(Value::text(print::text_of(value)?)),
        ("equals", [other]) => return Ok(Value::Boolean(is_same(value, other)?)),
        _ => {}
    }
    match value {
        Value::Text(text) => texts::call(text, name, arguments),
        Value::List { items, .. } => lists::call(items, name, arguments),
        Value::Map(map) => maps::call(map, name, arguments),
        Value::Integer(_) | Value::Decimal(_) => Ok(of_number(value, name, arguments)),
        _ => Ok(Value::Null),
    }
}

/// `==`: numbers by what they are worth, equals of a kind as Java has it, anything else by its text (Velocity 1.7, ASTEQNode).
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, RenderError> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Ok(left == right);
    }
    if std::mem::discriminant(left) == std::mem::discriminant(right) {
        return is_same(left, right);
    }
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => Ok(print::text_of(left)? == print::text_of(right)?),
    }
}

/// Java's `equals`: of the same kind, and with the same in it.
fn is_same(left: &Value, right: &Value) -> Result<bool, RenderError> {
    if std::mem::discriminant(left) != std::mem::discriminant(right) {
        return Ok(false);
    }
    let (mut one, mut other) = (String::new(), String::new());
    json::write(left, &mut one, 0)?;
    json::write(right, &mut other, 0)?;
    Ok(one == other)
}

fn of_number(value: &Value, name: &str, arguments: &[Value]) -> Value {
    let text = |text: &Value| match text {
        Value::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    let number = value.number().unwrap_or_default();
    match (name, arguments) {
        ("intValue" | "longValue", []) => match value {
            Value::Integer(_) => value.clone(),
            _ => Value::Integer(number as i128),
        },
        ("doubleValue" | "floatValue", []) => Value::Decimal(number),
        ("compareTo", [other]) => match other.number() {
            Some(other) => Value::Integer(number.total_cmp(&other) as i128),
            None => Value::Null,
        },
        // What is static in Java can be called by any number.
        ("parseInt" | "parseLong" | "valueOf", [given]) => {
            text(given).and_then(|it| it.parse().ok()).map_or(Value::Null, Value::Integer)
        }
        ("parseDouble", [given]) => {
            text(given).and_then(|it| it.parse().ok()).map_or(Value::Null, Value::Decimal)
        }
        ("toString", [given]) => match given {
            Value::Integer(number) => Value::text(number.to_string()),
            Value::Decimal(number) => Value::text(numbers::decimal(*number)),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// A number that Java's collections and texts would take for an index.
fn index(value: &Value) -> Option<usize> {
    value.integer().and_then(|number| usize::try_from(number).ok())
}

fn out_of_bounds(name: &str) -> RenderError {
    RenderError(format!("{name}(): out of bounds"))
}
