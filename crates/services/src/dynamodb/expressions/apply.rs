//! What an update makes of an item.

use std::collections::BTreeSet;

use aws_api::error_response::ApiError;

use super::{
    super::{
        error::invalid,
        value::{Item, Value, of_number},
    },
    Path, Step, Update, UpdateValue,
};

/// Does it: every value is of the item as it was before.
///
/// # Errors
/// When a path leads nowhere, or a value is of the wrong type.
pub(in super::super) fn apply(update: &Update, before: &Item) -> Result<Item, ApiError> {
    let mut item = before.clone();
    let mut appended = Vec::new();
    for (path, value) in &update.set {
        let value = value_of(value, before)?;
        // What is set behind the end of a list is appended, in the order of the indices.
        match index_beyond(path, before) {
            Some(index) => appended.push((index, path, value)),
            None => set(&mut item, path, value)?,
        }
    }
    appended.sort_by_key(|(index, _, _)| *index);
    for (_, path, value) in appended {
        set(&mut item, path, value)?;
    }
    for (path, value) in &update.add {
        let value = added(path.get(before), value)?;
        set(&mut item, path, value)?;
    }
    for (path, value) in &update.delete {
        if let Some(known) = path.get(before) {
            match without(known, value)? {
                Some(left) => set(&mut item, path, left)?,
                None => remove(&mut item, path)?,
            }
        }
    }
    // From behind: what is removed moves what comes after it.
    let mut removed: Vec<&Path> = update.remove.iter().collect();
    removed.sort();
    for path in removed.into_iter().rev() {
        remove(&mut item, path)?;
    }
    Ok(item)
}

fn wrong_path() -> ApiError {
    invalid("The document path provided in the update expression is invalid for update")
}

fn wrong_type() -> ApiError {
    invalid("An operand in the update expression has an incorrect data type")
}

fn value_of(value: &UpdateValue, item: &Item) -> Result<Value, ApiError> {
    match value {
        UpdateValue::Value(value) => Ok(value.clone()),
        UpdateValue::Path(path) => path.get(item).cloned().ok_or_else(|| {
            invalid("The provided expression refers to an attribute that does not exist in the item")
        }),
        UpdateValue::IfNotExists(path, other) => match path.get(item) {
            Some(value) => Ok(value.clone()),
            None => value_of(other, item),
        },
        UpdateValue::ListAppend(one, other) => match (value_of(one, item)?, value_of(other, item)?) {
            (Value::L(mut one), Value::L(other)) => {
                one.extend(other);
                Ok(Value::L(one))
            }
            _ => Err(wrong_type()),
        },
        UpdateValue::Plus(one, other) | UpdateValue::Minus(one, other) => {
            let (Value::N(one), Value::N(other)) = (value_of(one, item)?, value_of(other, item)?) else {
                return Err(wrong_type());
            };
            let sum = if matches!(value, UpdateValue::Plus(..)) { one.plus(other) } else { one.minus(other) };
            sum.map(Value::N).map_err(of_number)
        }
    }
}

fn added(known: Option<&Value>, value: &Value) -> Result<Value, ApiError> {
    match (known, value) {
        (None, value) => Ok(value.clone()),
        (Some(Value::N(known)), Value::N(value)) => known.plus(*value).map(Value::N).map_err(of_number),
        (Some(Value::Ss(known)), Value::Ss(value)) => Ok(Value::Ss(known | value)),
        (Some(Value::Ns(known)), Value::Ns(value)) => Ok(Value::Ns(known | value)),
        (Some(Value::Bs(known)), Value::Bs(value)) => Ok(Value::Bs(known | value)),
        _ => Err(wrong_type()),
    }
}

/// What is left of a set; `None` where nothing is.
fn without(known: &Value, value: &Value) -> Result<Option<Value>, ApiError> {
    fn left<T: Ord + Clone>(
        known: &BTreeSet<T>,
        value: &BTreeSet<T>,
        made: impl Fn(BTreeSet<T>) -> Value,
    ) -> Option<Value> {
        Some(known - value).filter(|left| !left.is_empty()).map(made)
    }
    match (known, value) {
        (Value::Ss(known), Value::Ss(value)) => Ok(left(known, value, Value::Ss)),
        (Value::Ns(known), Value::Ns(value)) => Ok(left(known, value, Value::Ns)),
        (Value::Bs(known), Value::Bs(value)) => Ok(left(known, value, Value::Bs)),
        _ => Err(wrong_type()),
    }
}

/// The index of a path that ends behind the end of a list.
fn index_beyond(path: &Path, item: &Item) -> Option<usize> {
    let (Step::Index(index), way) = path.steps.split_last()? else { return None };
    let list = Path { attribute: path.attribute.clone(), steps: way.to_vec() };
    match list.get(item)? {
        Value::L(values) if *index >= values.len() => Some(*index),
        _ => None,
    }
}

/// Where a path leads but for its last step.
fn place<'a>(item: &'a mut Item, path: &Path) -> Result<&'a mut Value, ApiError> {
    let mut at = item.get_mut(&path.attribute).ok_or_else(wrong_path)?;
    for step in path.steps.split_last().map(|(_, way)| way).unwrap_or_default() {
        at = match (step, at) {
            (Step::Field(name), Value::M(fields)) => fields.get_mut(name).ok_or_else(wrong_path)?,
            (Step::Index(index), Value::L(values)) => values.get_mut(*index).ok_or_else(wrong_path)?,
            _ => return Err(wrong_path()),
        };
    }
    Ok(at)
}

fn set(item: &mut Item, path: &Path, value: Value) -> Result<(), ApiError> {
    let Some(last) = path.steps.last() else {
        item.insert(path.attribute.clone(), value);
        return Ok(());
    };
    match (last, place(item, path)?) {
        (Step::Field(name), Value::M(fields)) => {
            fields.insert(name.clone(), value);
        }
        (Step::Index(index), Value::L(values)) => match values.get_mut(*index) {
            Some(place) => *place = value,
            None => values.push(value),
        },
        _ => return Err(wrong_path()),
    }
    Ok(())
}

/// What is not there need not be removed.
fn remove(item: &mut Item, path: &Path) -> Result<(), ApiError> {
    let Some(last) = path.steps.last() else {
        item.remove(&path.attribute);
        return Ok(());
    };
    match (last, place(item, path)?) {
        (Step::Field(name), Value::M(fields)) => {
            fields.remove(name);
        }
        (Step::Index(index), Value::L(values)) => {
            if *index < values.len() {
                values.remove(*index);
            }
        }
        _ => return Err(wrong_path()),
    }
    Ok(())
}
