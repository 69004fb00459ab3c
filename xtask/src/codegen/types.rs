//! `types.rs`: structures with every member optional, for handlers.
//!
//! They have no `Debug`: requests carry code and environment variables, which belong in no log. Enums are strings, so that a
//! value newer than the model survives a round trip.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::model::{Model, Shape};
use super::names::{field, literal};
use super::operations::HEADER;

/// Renders the file.
pub(crate) fn render(model: &Model) -> String {
    let mut structures = String::new();
    for (name, shape) in &model.shapes {
        if shape.kind == "structure" && !shape.exception && !shape.eventstream {
            structure(model, name, shape, &mut structures);
        }
    }
    let mut out = format!("{HEADER}//! Structures.\n\n");
    for (name, import) in [
        ("BTreeMap<", "use std::collections::BTreeMap;\n\n"),
        ("<Bytes>", "use bytes::Bytes;\n"),
        ("", "use serde::{Deserialize, Serialize};\n"),
        ("<Blob>", "\npub use crate::blob::Blob;\n"),
    ] {
        if structures.contains(name) {
            out.push_str(import);
        }
    }
    out + &structures
}

fn structure(model: &Model, name: &str, shape: &Shape, out: &mut String) {
    let _ = write!(
        out,
        "\n/// `{name}` of the model.\n#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]\npub struct {name} {{\n"
    );
    for (member, reference) in shape.members() {
        let Some(target) = model.shapes.get(&reference.shape) else { continue };
        if target.eventstream {
            continue;
        }
        if shape.payload.as_deref() == Some(member) && target.kind == "blob" {
            let _ = writeln!(out, "#[serde(skip)]\npub {}: Option<Bytes>,", field(member));
            continue;
        }
        let recursive = reaches(model, &reference.shape, name, &mut BTreeSet::new());
        let inner = rust_type(model, &reference.shape);
        let inner = if recursive && target.kind == "structure" { format!("Box<{inner}>") } else { inner };
        let _ = writeln!(
            out,
            "#[serde(rename = {}, default, skip_serializing_if = \"Option::is_none\")]\npub {}: Option<{inner}>,",
            literal(member),
            field(member)
        );
    }
    out.push_str("}\n");
}

fn rust_type(model: &Model, name: &str) -> String {
    let Some(shape) = model.shapes.get(name) else { return "()".into() };
    let of = |reference: &Option<super::model::Reference>| {
        reference.as_ref().map_or_else(|| "()".into(), |reference| rust_type(model, &reference.shape))
    };
    match shape.kind.as_str() {
        "structure" => name.to_owned(),
        "list" => format!("Vec<{}>", of(&shape.member)),
        "map" => format!("BTreeMap<String, {}>", of(&shape.value)),
        "integer" | "long" => "i64".into(),
        "double" | "float" | "timestamp" => "f64".into(),
        "boolean" => "bool".into(),
        "blob" => "Blob".into(),
        _ => "String".into(),
    }
}

/// Whether the structure `to` is contained, by value, in `from`.
fn reaches(model: &Model, from: &str, to: &str, seen: &mut BTreeSet<String>) -> bool {
    if from == to {
        return true;
    }
    if !seen.insert(from.to_owned()) {
        return false;
    }
    let Some(shape) = model.shapes.get(from) else { return false };
    shape.kind == "structure" && shape.members().any(|(_, member)| reaches(model, &member.shape, to, seen))
}
