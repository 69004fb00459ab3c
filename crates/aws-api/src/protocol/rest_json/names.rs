//! Members below the first level under their names in the model, which are others on the wire for some services; and points in time that
//! are texts on the wire.

use serde_json::{Map, Value};

use crate::{
    schema::{Kind, Member, ServiceModel, ShapeId},
    timestamp,
};

/// Which way a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From a request.
    In,
    /// Into an answer.
    Out,
}

/// The value with every name, and every time, as the other side has them.
pub(super) fn translated(model: &ServiceModel, shape: ShapeId, value: Value, way: Way) -> Value {
    match (&model.shapes[shape].kind, value) {
        (Kind::Structure { members, .. }, Value::Object(object)) => {
            Value::Object(structure(model, members, object, way))
        }
        (Kind::List { member, .. }, Value::Array(values)) => {
            values.into_iter().map(|value| translated(model, *member, value, way)).collect()
        }
        (Kind::Map { value: shape, .. }, Value::Object(object)) => {
            let entries = object.into_iter();
            Value::Object(entries.map(|(key, value)| (key, translated(model, *shape, value, way))).collect())
        }
        (Kind::IsoTimestamp, Value::Number(seconds)) if way == Way::Out => {
            Value::String(timestamp::iso_seconds(seconds.as_f64().unwrap_or_default() as i64))
        }
        (Kind::IsoTimestamp, Value::String(text)) if way == Way::In => {
            timestamp::unix_seconds(&text).map_or(Value::String(text), Value::from)
        }
        (_, value) => value,
    }
}

/// What the model does not know stays, so that whoever checks sees it.
fn structure(
    model: &ServiceModel,
    members: &[Member],
    object: Map<String, Value>,
    way: Way,
) -> Map<String, Value> {
    let names = |member: &Member| match way {
        Way::In => (member.wire_name, member.name),
        Way::Out => (member.name, member.wire_name),
    };
    let entries = object.into_iter().map(|(key, value)| match members.iter().find(|it| names(it).0 == key) {
        Some(member) => (names(member).1.to_owned(), translated(model, member.shape, value, way)),
        None => (key, value),
    });
    entries.collect()
}
