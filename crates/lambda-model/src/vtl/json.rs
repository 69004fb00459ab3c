//! JSON to values of a template, in the order of its members, and back.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Map, RenderError, Value, meter, numbers};

/// How deep values may be in each other: what is deeper holds itself.
pub(super) const DEPTH_MAX: usize = 128;

/// The value of a document.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// The document of a value, in one line, as `$input.json` and arrays of JSON print.
pub(super) fn write(value: &Value, out: &mut String, depth: usize) -> Result<(), RenderError> {
    if depth > DEPTH_MAX {
        return Err(RenderError("a value holds itself".to_owned()));
    }
    // What stands in many places is written in each.
    meter::count(16);
    meter::check_text(out.len())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Decimal(number) => out.push_str(&numbers::decimal(*number)),
        Value::Text(text) => write_text(text, out),
        Value::List { items, .. } => {
            out.push('[');
            for (position, item) in items.borrow().iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (position, (key, member)) in members.borrow().iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(member, out, depth + 1)?;
            }
            out.push('}');
        }
        Value::Input(_) | Value::Util | Value::Block(_) => out.push_str("\"\""),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
    meter::count(text.len());
    // A text is always JSON.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Document)
    }
}

struct Document;

impl<'de> Visitor<'de> for Document {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Decimal(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((key, member)) = access.next_entry::<String, Value>()? {
            members.insert(key, member);
        }
        Ok(Value::map(members))
    }
}
