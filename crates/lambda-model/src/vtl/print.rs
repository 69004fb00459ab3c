//! How values print: maps and lists as Java's do, arrays of JSON as JSON.

use super::{
    RenderError, Value,
    json::{self, DEPTH_MAX},
    meter, numbers,
};

/// The value as text.
pub(super) fn text_of(value: &Value) -> Result<String, RenderError> {
    let mut out = String::new();
    print(value, &mut out, 0)?;
    Ok(out)
}

/// Adds the value to a text.
pub(super) fn print(value: &Value, out: &mut String, depth: usize) -> Result<(), RenderError> {
    if depth > DEPTH_MAX {
        return Err(RenderError("a value holds itself".to_owned()));
    }
    meter::count(16);
    meter::check_text(out.len())?;
    match value {
        Value::Null | Value::Input(_) | Value::Util | Value::Block(_) => {}
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Decimal(number) => out.push_str(&numbers::decimal(*number)),
        Value::Text(text) => {
            meter::count(text.len());
            out.push_str(text);
        }
        Value::List { is_json: true, .. } => json::write(value, out, depth)?,
        Value::List { items, is_json: false } => {
            out.push('[');
            for (position, item) in items.borrow().iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                within(item, out, depth)?;
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (position, (key, member)) in members.borrow().iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push('=');
                within(member, out, depth)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// What is in a list or a map: Java names what is not there.
fn within(value: &Value, out: &mut String, depth: usize) -> Result<(), RenderError> {
    match value {
        Value::Null => out.push_str("null"),
        value => print(value, out, depth + 1)?,
    }
    Ok(())
}
