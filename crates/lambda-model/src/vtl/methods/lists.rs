//! Methods of lists.

use std::cell::RefCell;

use super::{Called, Value, index, is_same, out_of_bounds};
use crate::vtl::meter::{self, ITEMS_MAX};

pub(super) fn call(items: &RefCell<Vec<Value>>, name: &str, arguments: &[Value]) -> Called {
    meter::count(items.borrow().len());
    Ok(match arguments {
        [] => alone(items, name),
        [argument] => with_one(items, name, argument)?,
        [first, second] => match (name, index(first), index(second)) {
            ("subList", Some(from), Some(to)) => {
                let items = items.borrow();
                let part = if from <= to { items.get(from..to) } else { None };
                Value::list(part.ok_or_else(|| out_of_bounds(name))?.to_vec())
            }
            ("set", Some(at), _) => {
                let mut items = items.borrow_mut();
                let slot = items.get_mut(at).ok_or_else(|| out_of_bounds(name))?;
                std::mem::replace(slot, second.clone())
            }
            ("add", Some(at), _) => {
                let mut items = items.borrow_mut();
                if at > items.len() || items.len() >= ITEMS_MAX {
                    return Err(out_of_bounds(name));
                }
                items.insert(at, second.clone());
                // It gives nothing in Java, and so prints nothing.
                Value::Null
            }
            _ => Value::Null,
        },
        _ => Value::Null,
    })
}

fn alone(items: &RefCell<Vec<Value>>, name: &str) -> Value {
    match name {
        // The reference calls it `count`.
        "size" | "count" => Value::Integer(items.borrow().len() as i128),
        "isEmpty" => Value::Boolean(items.borrow().is_empty()),
        "iterator" | "toArray" | "listIterator" => Value::list(items.borrow().clone()),
        "clear" => {
            items.borrow_mut().clear();
            Value::Null
        }
        _ => Value::Null,
    }
}

fn with_one(items: &RefCell<Vec<Value>>, name: &str, argument: &Value) -> Called {
    Ok(match name {
        "get" => {
            let items = items.borrow();
            let at = index(argument).ok_or_else(|| out_of_bounds(name))?;
            items.get(at).cloned().ok_or_else(|| out_of_bounds(name))?
        }
        "add" => add(items, vec![argument.clone()])?,
        "addAll" => match argument {
            Value::List { items: others, .. } => {
                let others = others.borrow().clone();
                add(items, others)?
            }
            _ => Value::Null,
        },
        "contains" => Value::Boolean(place(items, argument)?.is_some()),
        "containsAll" => match argument {
            Value::List { items: others, .. } => {
                let others = others.borrow().clone();
                let mut has_all = true;
                for other in &others {
                    has_all &= place(items, other)?.is_some();
                }
                Value::Boolean(has_all)
            }
            _ => Value::Null,
        },
        "indexOf" => Value::Integer(place(items, argument)?.map_or(-1, |at| at as i128)),
        "remove" => match index(argument) {
            Some(at) if at < items.borrow().len() => items.borrow_mut().remove(at),
            Some(_) => return Err(out_of_bounds(name)),
            None => {
                let found = place(items, argument)?;
                found.into_iter().for_each(|at| drop(items.borrow_mut().remove(at)));
                Value::Boolean(found.is_some())
            }
        },
        _ => Value::Null,
    })
}

fn add(items: &RefCell<Vec<Value>>, more: Vec<Value>) -> Called {
    if items.borrow().len() + more.len() > ITEMS_MAX {
        return Err(out_of_bounds("add"));
    }
    items.borrow_mut().extend(more);
    Ok(Value::Boolean(true))
}

fn place(items: &RefCell<Vec<Value>>, wanted: &Value) -> Result<Option<usize>, super::RenderError> {
    for (at, item) in items.borrow().iter().enumerate() {
        if is_same(item, wanted)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
