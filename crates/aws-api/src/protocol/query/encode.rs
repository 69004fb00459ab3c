//! From an output structure, or an error, to XML.

use serde::Serialize;
use serde_json::Value;

use crate::{
    error_response::ApiError,
    protocol::query::Dialect,
    schema::{Kind, OperationSchema, ServiceModel, ShapeId},
    timestamp,
};

/// The answer to `operation`: its output in the model's wrapper, in the order of the model.
///
/// # Errors
/// When the output does not serialise, which is a defect of ours.
pub fn encode(
    model: &ServiceModel,
    dialect: &Dialect,
    operation: &OperationSchema,
    output: &impl Serialize,
    request_id: &str,
) -> Result<String, serde_json::Error> {
    let output = serde_json::to_value(output)?;
    let mut writer = Writer { model, dialect, xml: String::new() };
    let response = format!("{}Response", operation.name);
    writer.xml.push_str(&format!("<{response} xmlns=\"{}\">", dialect.xml_namespace));
    if let Some(shape) = operation.output {
        // A model of another protocol names none.
        let wrapper =
            operation.result_wrapper.map_or_else(|| format!("{}Result", operation.name), str::to_owned);
        writer.element(&wrapper, shape, &output);
    }
    writer.xml.push_str("<ResponseMetadata><RequestId>");
    escape(request_id, &mut writer.xml);
    writer.xml.push_str(&format!("</RequestId></ResponseMetadata></{response}>"));
    Ok(writer.xml)
}

/// An error in XML, in the namespace of its service.
pub fn encode_error(dialect: &Dialect, error: &ApiError, request_id: &str) -> String {
    let (namespace, code) = (dialect.xml_namespace, (dialect.error_code)(error.code));
    let fault = if error.fault == "User" { "Sender" } else { "Receiver" };
    let mut xml = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>"
    );
    escape(&error.message, &mut xml);
    xml.push_str("</Message></Error><RequestId>");
    escape(request_id, &mut xml);
    xml.push_str("</RequestId></ErrorResponse>");
    xml
}

struct Writer<'a> {
    model: &'a ServiceModel,
    dialect: &'a Dialect,
    xml: String,
}

impl Writer<'_> {
    fn element(&mut self, name: &str, shape: ShapeId, value: &Value) {
        self.xml.push_str(&format!("<{name}>"));
        self.content(shape, value);
        self.xml.push_str(&format!("</{name}>"));
    }

    fn content(&mut self, shape: ShapeId, value: &Value) {
        match (&self.model.shapes[shape].kind, value) {
            (Kind::Structure { members, .. }, Value::Object(object)) => {
                for member in *members {
                    let Some(value) = object.get(member.name) else { continue };
                    match self.dialect.flat(self.model, member) {
                        Some((element, entry)) => self.elements(member.shape, element, entry, value),
                        None => self.element(member.wire_name, member.shape, value),
                    }
                }
            }
            (Kind::List { .. }, value) => self.elements(shape, "member", ("", ""), value),
            (Kind::Map { names, .. }, value) => self.elements(shape, "entry", *names, value),
            (Kind::Timestamp | Kind::IsoTimestamp, Value::Number(seconds)) => {
                let seconds = seconds.as_f64().unwrap_or_default();
                self.xml.push_str(&timestamp::iso_seconds(seconds as i64));
            }
            (_, Value::String(text)) => escape(text, &mut self.xml),
            (_, other) => self.xml.push_str(&other.to_string()),
        }
    }

    /// The elements of a list or a map, each in an element of its own.
    fn elements(&mut self, shape: ShapeId, element: &str, entry: (&str, &str), value: &Value) {
        match (&self.model.shapes[shape].kind, value) {
            (Kind::List { member, .. }, Value::Array(values)) => {
                values.iter().for_each(|value| self.element(element, *member, value));
            }
            (Kind::Map { key, value: target, .. }, Value::Object(entries)) => {
                for (name, value) in entries {
                    self.xml.push_str(&format!("<{element}>"));
                    self.element(entry.0, *key, &Value::String(name.clone()));
                    self.element(entry.1, *target, value);
                    self.xml.push_str(&format!("</{element}>"));
                }
            }
            _ => {}
        }
    }
}

/// Text as XML 1.0 allows it. What it does not allow in any form becomes U+FFFD.
fn escape(text: &str, xml: &mut String) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // A parser would turn it into a line feed.
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(c),
            '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            c if c < ' ' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
}
