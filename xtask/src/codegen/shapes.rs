//! `shapes.rs`: the schema table that the codecs and the validation walk.

use std::fmt::Write;

use super::model::{Model, Reference, Shape};
use super::names::literal;
use super::operations::HEADER;

/// Position of a shape in the table.
pub(crate) fn index_of(model: &Model, name: &str) -> usize {
    model.shapes.keys().position(|key| key == name).unwrap_or(usize::MAX)
}

/// Renders the file.
pub(crate) fn render(model: &Model) -> String {
    let mut out = format!(
        "{HEADER}//! Shapes, by name; members refer to them by position.\n\nuse crate::schema::{{Kind, Location, Member, Shape}};\n\n"
    );
    out.push_str("/// The table.\npub static SHAPES: &[Shape] = &[\n");
    for (name, shape) in &model.shapes {
        let _ = writeln!(
            out,
            "Shape {{ name: {}, sensitive: {}, kind: {} }},",
            literal(name),
            shape.sensitive,
            kind(model, shape)
        );
    }
    out.push_str("];\n");
    out
}

fn kind(model: &Model, shape: &Shape) -> String {
    match shape.kind.as_str() {
        "structure" => structure(model, shape),
        "list" => {
            format!(
                "Kind::List {{ member: {}, min: {}, max: {} }}",
                target(model, shape.member.as_ref()),
                whole(shape.min),
                whole(shape.max)
            )
        }
        "map" => format!(
            "Kind::Map {{ key: {}, value: {}, names: ({}, {}), min: {}, max: {} }}",
            target(model, shape.key.as_ref()),
            target(model, shape.value.as_ref()),
            name_in_form(shape.key.as_ref(), "key"),
            name_in_form(shape.value.as_ref(), "value"),
            whole(shape.min),
            whole(shape.max)
        ),
        "string" => format!(
            "Kind::String {{ min: {}, max: {}, pattern: {}, values: &[{}] }}",
            whole(shape.min),
            whole(shape.max),
            shape.pattern.as_deref().map_or("None".into(), |pattern| format!("Some({})", literal(pattern))),
            shape.values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ")
        ),
        "integer" | "long" => {
            format!("Kind::Integer {{ min: {}, max: {} }}", whole(shape.min), whole(shape.max))
        }
        "double" | "float" => {
            format!("Kind::Double {{ min: {}, max: {} }}", real(shape.min), real(shape.max))
        }
        "boolean" => "Kind::Boolean".into(),
        "blob" => format!("Kind::Blob {{ max: {} }}", whole(shape.max)),
        "timestamp" if shape.timestamp_format.as_deref() == Some("iso8601") => "Kind::IsoTimestamp".into(),
        "timestamp" => "Kind::Timestamp".into(),
        other => format!("compile_error!(\"unknown type {other}\")"),
    }
}

/// What the query protocol calls a key or a value.
fn name_in_form(reference: Option<&Reference>, usual: &str) -> String {
    literal(reference.and_then(|reference| reference.location_name.as_deref()).unwrap_or(usual))
}

fn structure(model: &Model, shape: &Shape) -> String {
    let mut out = String::from("Kind::Structure { members: &[");
    for (name, reference) in shape.members() {
        let _ = write!(
            out,
            "Member {{ name: {}, wire_name: {}, shape: {}, required: {}, location: Location::{} }}, ",
            literal(name),
            literal(reference.location_name.as_deref().unwrap_or(name)),
            index_of(model, &reference.shape),
            shape.required.iter().any(|required| required == name),
            location(shape, name, reference),
        );
    }
    let status = shape.error.as_ref().and_then(|error| error.http_status_code);
    let error = match (shape.exception, status) {
        (true, status) => format!("Some({})", status.unwrap_or(500)),
        _ => "None".into(),
    };
    let _ = write!(out, "], error_status: {error}, event_stream: {} }}", shape.eventstream);
    out
}

fn location(shape: &Shape, name: &str, reference: &Reference) -> &'static str {
    match reference.location.as_deref() {
        Some("header") => "Header",
        Some("headers") => "Headers",
        Some("uri") => "Uri",
        Some("querystring") => "Query",
        Some("statusCode") => "StatusCode",
        _ if shape.payload.as_deref() == Some(name) => "Payload",
        _ => "Body",
    }
}

fn target(model: &Model, reference: Option<&Reference>) -> usize {
    reference.map_or(usize::MAX, |reference| index_of(model, &reference.shape))
}

fn whole(bound: Option<f64>) -> String {
    bound.map_or("None".into(), |bound| format!("Some({bound:.0})"))
}

fn real(bound: Option<f64>) -> String {
    bound.map_or("None".into(), |bound| format!("Some({bound:?})"))
}
