//! What a query asks of a key: a partition, and which of its rows.

use std::collections::BTreeMap;

use aws_api::error_response::ApiError;
use store::Span;

use super::{
    Handled,
    error::{invalid, invalid_parameters},
    expressions::{Comparator, Condition, Function, Kind, Operand, Step},
    keys::{self, KeyAttribute, KeySchema},
    value::Value,
};

/// The partition that a condition names, and which of its rows.
pub(super) fn span_of(condition: &Condition, key: &KeySchema) -> Handled<(Vec<u8>, Span)> {
    let mut parts = Vec::new();
    flatten(condition, &mut parts)?;
    let mut by_name = BTreeMap::new();
    for part in parts {
        let name = attribute_of(part)?;
        if by_name.insert(name, part).is_some() {
            return Err(Kind::Key.invalid("KeyConditionExpressions must only contain one condition per key"));
        }
    }
    let mut values = Vec::new();
    for attribute in &key.partition {
        let part = by_name.remove(attribute.name.as_str()).ok_or_else(|| missing(attribute))?;
        values.push(keys::bytes(equal_to(part, attribute)?.ok_or_else(unsupported)?));
    }
    Ok((keys::partition_of(&values), span_of_sort_keys(by_name, key)?))
}

/// Equal values from the left, and behind them one that may be anything.
fn span_of_sort_keys(mut by_name: BTreeMap<&str, &Condition>, key: &KeySchema) -> Handled<Span> {
    let mut before = Vec::new();
    for attribute in &key.sort {
        let Some(part) = by_name.remove(attribute.name.as_str()) else {
            return match by_name.is_empty() {
                true => Ok(keys::span_within(&before, keys::everything())),
                false => Err(missing(attribute)),
            };
        };
        match equal_to(part, attribute)? {
            Some(value) => before.extend(keys::terminated(&keys::bytes(value))),
            None if by_name.is_empty() => {
                return Ok(keys::span_within(&before, span_of_sort(part, attribute)?));
            }
            None => return Err(unsupported()),
        }
    }
    match by_name.is_empty() {
        true => Ok(keys::span_within(&before, keys::everything())),
        false => Err(missing(key.sort.first().or(key.partition.first()).ok_or_else(unsupported)?)),
    }
}

/// What a part is about.
fn attribute_of(part: &Condition) -> Handled<&str> {
    let path = match part {
        Condition::Compare(Operand::Path(path), ..)
        | Condition::Between(Operand::Path(path), ..)
        | Condition::Call(_, Operand::Path(path), _) => path,
        _ => return Err(unsupported()),
    };
    match path.steps.iter().any(|step| matches!(step, Step::Field(_) | Step::Index(_))) {
        true => Err(Kind::Key.invalid("KeyConditionExpressions cannot have conditions on nested attributes")),
        false => Ok(&path.attribute),
    }
}

/// The value that a part asks to be equal to; `None` for another part.
fn equal_to<'a>(part: &'a Condition, attribute: &KeyAttribute) -> Handled<Option<&'a Value>> {
    match part {
        Condition::Compare(_, Comparator::Equal, Operand::Value(value)) => {
            let value = of_kind(value, attribute)?;
            keys::check_not_empty(attribute, value)?;
            Ok(Some(value))
        }
        _ => Ok(None),
    }
}

fn flatten<'a>(condition: &'a Condition, parts: &mut Vec<&'a Condition>) -> Handled<()> {
    match condition {
        Condition::And(one, other) => {
            flatten(one, parts)?;
            flatten(other, parts)
        }
        Condition::Or(..) => Err(Kind::Key.invalid("Invalid operator used in KeyConditionExpression: OR")),
        Condition::Not(_) => Err(Kind::Key.invalid("Invalid operator used in KeyConditionExpression: NOT")),
        part => {
            parts.push(part);
            Ok(())
        }
    }
}

fn unsupported() -> ApiError {
    invalid("Query key condition not supported")
}

fn missing(attribute: &KeyAttribute) -> ApiError {
    invalid(format!("Query condition missed key schema element: {}", attribute.name))
}

fn of_kind<'a>(value: &'a Value, attribute: &KeyAttribute) -> Handled<&'a Value> {
    match value.type_name() == attribute.kind {
        true => Ok(value),
        false => Err(invalid_parameters("Condition parameter type does not match schema type")),
    }
}

fn span_of_sort(part: &Condition, sort: &KeyAttribute) -> Handled<Span> {
    match part {
        Condition::Compare(_, Comparator::NotEqual, _) => Err(unsupported()),
        Condition::Compare(_, comparator, Operand::Value(value)) => {
            Ok(keys::span_of(*comparator, of_kind(value, sort)?))
        }
        Condition::Between(_, Operand::Value(low), Operand::Value(high)) => {
            Ok(keys::span_between(of_kind(low, sort)?, of_kind(high, sort)?))
        }
        Condition::Call(Function::BeginsWith, _, Some(Operand::Value(prefix))) if sort.kind != "N" => {
            Ok(keys::span_beginning(of_kind(prefix, sort)?))
        }
        _ => Err(unsupported()),
    }
}
