//! Constraints of the model, checked and worded as AWS does (E-13).
//!
//! All violations come in one message, in the order of the model's members: `2 validation errors detected: Value 'x' at 'a' failed
//! to satisfy constraint: Member must ...; Value ...`. Field names are lower camel case and joined with dots. Constraints of a
//! list's elements are reported once for the list, all of them together, and always with `Member must not be null` at the end:
//! so they were recorded.

pub mod patterns;

mod describe;

use serde_json::{Map, Value};

use crate::{
    blob,
    error_response::ApiError,
    schema::{Kind, Location, ServiceModel, Shape, ShapeId},
};
use describe::{constraints_of, shown};

/// Types of every value that is there: a client that sends text for a number hears which member it was.
///
/// # Errors
/// `SerializationException` naming the first member of the wrong type.
pub fn check_types(model: &ServiceModel, shape: ShapeId, input: &Map<String, Value>) -> Result<(), ApiError> {
    for member in model.members(shape) {
        if let Some(value) = input.get(member.name) {
            check_type(model, member.shape, member.name, value)?;
        }
    }
    Ok(())
}

fn check_type(model: &ServiceModel, shape: ShapeId, name: &str, value: &Value) -> Result<(), ApiError> {
    let kind = &model.shapes[shape].kind;
    match (kind, value) {
        (_, Value::Null) => Ok(()),
        (Kind::Structure { members, .. }, Value::Object(object)) => members
            .iter()
            .filter_map(|member| Some((member, member.of(object)?)))
            .try_for_each(|(member, value)| check_type(model, member.shape, member.name, value)),
        (Kind::List { member, .. }, Value::Array(values)) => {
            values.iter().try_for_each(|value| check_type(model, *member, name, value))
        }
        (Kind::Map { value: target, .. }, Value::Object(object)) => {
            object.values().try_for_each(|value| check_type(model, *target, name, value))
        }
        (Kind::String { .. }, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Blob { .. }, Value::String(text)) if blob::is_base64(text) => Ok(()),
        (Kind::Integer { .. }, Value::Number(number)) if number.is_i64() => Ok(()),
        (Kind::Double { .. } | Kind::Timestamp | Kind::IsoTimestamp, Value::Number(_)) => Ok(()),
        _ => Err(wrong_type(name, kind)),
    }
}

/// The error for a value of the wrong type.
pub fn wrong_type(name: &str, kind: &Kind) -> ApiError {
    let expected = match kind {
        Kind::Structure { .. } => "a structure",
        Kind::List { .. } => "a list",
        Kind::Map { .. } => "a map",
        Kind::String { .. } => "a string",
        Kind::Integer { .. } => "an integer",
        Kind::Double { .. } => "a number",
        Kind::Boolean => "a boolean",
        Kind::Blob { .. } => "a base64-encoded string",
        Kind::Timestamp | Kind::IsoTimestamp => "a timestamp",
    };
    ApiError::user(
        "SerializationException",
        400,
        format!("Value at '{}' must be {expected}.", lower_camel(name)),
    )
}

/// All constraints of an input.
///
/// # Errors
/// `ValidationException` with every violation.
pub fn check(
    model: &ServiceModel,
    shape: ShapeId,
    input: &Map<String, Value>,
    has_payload: bool,
) -> Result<(), ApiError> {
    let mut found = Violations { model, messages: Vec::new() };
    for member in model.members(shape) {
        let path = lower_camel(member.name);
        match input.get(member.name) {
            Some(value) => found.check(&model.shapes[member.shape], &path, value),
            None if member.required && !(has_payload && member.location == Location::Payload) => {
                found.missing(&path);
            }
            None => {}
        }
    }
    match found.messages.len() {
        0 => Ok(()),
        1 => Err(validation_error(format!("1 validation error detected: {}", found.messages[0]))),
        n => Err(validation_error(format!("{n} validation errors detected: {}", found.messages.join("; ")))),
    }
}

fn validation_error(message: String) -> ApiError {
    ApiError::user("ValidationException", 400, message)
}

struct Violations<'a> {
    model: &'a ServiceModel,
    messages: Vec<String>,
}

impl Violations<'_> {
    fn missing(&mut self, path: &str) {
        self.messages
            .push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
    }

    fn add(&mut self, shape: &Shape, path: &str, value: &Value, constraint: &str) {
        // A secret is left out: `Value at 'environment.variables' failed ...`.
        let value = if shape.sensitive { String::new() } else { format!("'{}' ", shown(value)) };
        self.messages.push(format!("Value {value}at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn check(&mut self, shape: &Shape, path: &str, value: &Value) {
        match (&shape.kind, value) {
            (Kind::Structure { members, .. }, Value::Object(object)) => {
                for member in *members {
                    let path = format!("{path}.{}", lower_camel(member.name));
                    match member.of(object).filter(|value| !value.is_null()) {
                        Some(value) => self.check(&self.model.shapes[member.shape], &path, value),
                        None if member.required => self.missing(&path),
                        None => {}
                    }
                }
            }
            (Kind::List { member, .. }, Value::Array(values)) => {
                self.check_list(shape, *member, path, values, value)
            }
            (Kind::Map { key, value: target, .. }, Value::Object(object)) => {
                self.check_map(shape, (*key, *target), path, object, value);
            }
            _ => {
                for constraint in constraints_of(&shape.kind) {
                    if constraint.is_checked_here(shape, path) && !constraint.holds(value) {
                        self.add(shape, path, value, &constraint.text());
                    }
                }
            }
        }
    }

    fn check_element(&mut self, element: &Shape, path: &str, value: &Value) {
        if value.is_null() { self.missing(path) } else { self.check(element, path, value) }
    }

    fn check_list(&mut self, shape: &Shape, member: ShapeId, path: &str, values: &[Value], whole: &Value) {
        self.check_size(shape, path, values.len(), whole);
        let element = &self.model.shapes[member];
        if matches!(element.kind, Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. }) {
            for (index, value) in values.iter().enumerate() {
                self.check_element(element, &format!("{path}.{}.member", index + 1), value);
            }
            return;
        }
        let constraints = constraints_of(&element.kind);
        let holds =
            |value: &Value| !value.is_null() && constraints.iter().all(|constraint| constraint.holds(value));
        if !values.iter().all(holds) {
            let text = describe::of_elements("Member must satisfy constraint", &constraints);
            self.add(shape, path, whole, &text);
        }
    }

    fn check_map(
        &mut self,
        shape: &Shape,
        (key, target): (ShapeId, ShapeId),
        path: &str,
        object: &Map<String, Value>,
        whole: &Value,
    ) {
        self.check_size(shape, path, object.len(), whole);
        let keys = constraints_of(&self.model.shapes[key].kind);
        let key_holds =
            |name: &String| keys.iter().all(|constraint| constraint.holds(&Value::String(name.clone())));
        if !object.keys().all(key_holds) {
            self.add(shape, path, whole, &describe::of_keys(&keys));
        }
        let element = &self.model.shapes[target];
        if matches!(element.kind, Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. }) {
            for (name, value) in object {
                self.check_element(element, &format!("{path}.{name}.member"), value);
            }
            return;
        }
        let values = constraints_of(&element.kind);
        if !object.values().all(|value| !value.is_null() && values.iter().all(|c| c.holds(value))) {
            self.add(
                shape,
                path,
                whole,
                &describe::of_elements("Map value must satisfy constraint", &values),
            );
        }
    }

    fn check_size(&mut self, shape: &Shape, path: &str, size: usize, whole: &Value) {
        for constraint in constraints_of(&shape.kind) {
            if !constraint.holds_for_size(size as u64) {
                self.add(shape, path, whole, &constraint.text());
            }
        }
    }
}

/// `FunctionName` -> `functionName`, as AWS's messages write members.
pub fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}
