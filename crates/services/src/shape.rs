//! Structures of AWS's models kept as they are: by the names of their members, so that a member that is new there needs nothing here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use store::DocumentKey;
use uuid::Uuid;

use crate::service::ServiceContext;

/// A structure of the model: members by their names.
pub type Shape = Map<String, Value>;

/// A member that is a text; empty where it is none.
pub fn text<'a>(shape: &'a Shape, member: &str) -> &'a str {
    shape.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Members of an object that are texts.
pub fn texts(object: Option<&Value>) -> BTreeMap<String, String> {
    let members = object.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Values of a list that are texts.
pub fn list(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Takes a member that is a text out of a request.
pub(crate) fn taken(input: &mut Shape, member: &str) -> String {
    match input.remove(member) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Members where a request does not say.
pub(crate) fn defaults(shape: &mut Shape, members: Value) {
    if let Value::Object(members) = members {
        for (member, value) in members {
            shape.entry(member).or_insert(value);
        }
    }
}

/// A time as the model has it.
pub(crate) fn seconds(now_ms: i64) -> Value {
    now_ms.div_euclid(1000).into()
}

/// An id as those of API Gateway look: small letters and digits.
pub(crate) fn new_id(characters: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()];
    let random = random.iter().flatten();
    random.take(characters).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

/// Where something of the caller's is kept.
pub(crate) fn key(context: &ServiceContext, parent: String, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent,
        name: name.to_owned(),
    }
}
