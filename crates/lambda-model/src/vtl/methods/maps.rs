//! Methods of maps.

use std::cell::RefCell;

use super::{Called, Value, is_same, print};
use crate::vtl::{Map, meter};

pub(super) fn call(map: &RefCell<Map>, name: &str, arguments: &[Value]) -> Called {
    meter::count(map.borrow().len());
    Ok(match arguments {
        [] => alone(map, name),
        [argument] => with_one(map, name, argument)?,
        [key, value] => {
            let key = print::text_of(key)?;
            match name {
                "put" => map.borrow_mut().insert(key, value.clone()).unwrap_or_default(),
                "putIfAbsent" => {
                    let before = map.borrow().get(&key).cloned();
                    map.borrow_mut().entry(key).or_insert(value.clone());
                    before.unwrap_or_default()
                }
                "getOrDefault" => map.borrow().get(&key).cloned().unwrap_or_else(|| value.clone()),
                _ => Value::Null,
            }
        }
        _ => Value::Null,
    })
}

fn alone(map: &RefCell<Map>, name: &str) -> Value {
    match name {
        "size" => Value::Integer(map.borrow().len() as i128),
        "isEmpty" => Value::Boolean(map.borrow().is_empty()),
        "keySet" => Value::list(map.borrow().keys().map(Value::text).collect()),
        "values" => Value::list(map.borrow().values().cloned().collect()),
        "entrySet" => Value::list(map.borrow().iter().map(entry).collect()),
        "clear" => {
            map.borrow_mut().clear();
            Value::Null
        }
        // Of an entry of a map.
        "getKey" => map.borrow().get("key").cloned().unwrap_or_default(),
        "getValue" => map.borrow().get("value").cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

fn entry((key, value): (&String, &Value)) -> Value {
    let members = [("key".to_owned(), Value::text(key)), ("value".to_owned(), value.clone())];
    Value::map(members.into_iter().collect())
}

fn with_one(map: &RefCell<Map>, name: &str, argument: &Value) -> Called {
    Ok(match (name, argument) {
        ("get", key) => map.borrow().get(&print::text_of(key)?).cloned().unwrap_or_default(),
        ("containsKey", key) => Value::Boolean(map.borrow().contains_key(&print::text_of(key)?)),
        ("containsValue", wanted) => {
            for value in map.borrow().values() {
                if is_same(value, wanted)? {
                    return Ok(Value::Boolean(true));
                }
            }
            Value::Boolean(false)
        }
        ("remove", key) => map.borrow_mut().shift_remove(&print::text_of(key)?).unwrap_or_default(),
        ("putAll", Value::Map(others)) => {
            let others = others.borrow().clone();
            map.borrow_mut().extend(others);
            Value::Null
        }
        _ => Value::Null,
    })
}
