//! Schemas of a document as models, and back: what they call each other by is another in each.

use serde_json::{Map, Value, json};

use super::import::Import;
use crate::apigateway::{
    Handled, parts,
    record::{ApiRecord, Shape, new_id, shape, text},
};

/// Where models are named by.
const MODELS: &str = "https://apigateway.amazonaws.com/restapis/";
/// Where documents keep schemas: Swagger 2, OpenAPI 3.
const PLACES: [&str; 2] = ["#/definitions/", "#/components/schemas/"];

/// Makes a model of every schema.
pub(super) fn import(record: &mut ApiRecord, import: &mut Import<'_>) -> Handled<()> {
    let document = import.document;
    let old = document["definitions"].as_object().into_iter().flatten();
    let new = document["components"]["schemas"].as_object().into_iter().flatten();
    for (name, schema) in old.chain(new) {
        let plain = model_name(name);
        if plain != *name {
            import
                .warnings
                .push(format!("Model name '{name}' must be alphanumeric; it is imported as '{plain}'."));
        }
        put(record, &plain, schema)?;
    }
    Ok(())
}

/// The model of a schema: the one that it names, or one that is made for it.
pub(super) fn model_of(record: &mut ApiRecord, schema: &Value) -> Handled<String> {
    if let Some(name) = schema["$ref"].as_str().and_then(named) {
        return Ok(model_name(name));
    }
    let name = format!("MODEL{}", new_id(6));
    put(record, &name, schema)?;
    Ok(name)
}

fn put(record: &mut ApiRecord, name: &str, schema: &Value) -> Handled<()> {
    let api_id = text(&record.api, "id").to_owned();
    let model = json!({
        "name": name, "contentType": "application/json",
        "schema": translated(schema, &|reference| {
            named(reference).map(|name| format!("{MODELS}{api_id}/models/{}", model_name(name)))
        }).to_string(),
    });
    record.of_mut("Model").remove(name);
    parts::add(record, &parts::MODEL, shape(model)).map(drop)
}

fn named(reference: &str) -> Option<&str> {
    PLACES.iter().find_map(|place| reference.strip_prefix(place))
}

fn model_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The schemas of an API's models, as a document has them.
pub(super) fn exported(
    models: &std::collections::BTreeMap<String, Shape>,
    is_swagger: bool,
) -> Map<String, Value> {
    let schema = |model: &Shape| {
        let schema: Value = serde_json::from_str(text(model, "schema")).unwrap_or_default();
        let mut schema = translated(&schema, &|reference| {
            let (_, name) = reference.strip_prefix(MODELS)?.split_once("/models/")?;
            Some(place_of(name, is_swagger))
        });
        if let Value::Object(members) = &mut schema {
            members.remove("$schema");
        }
        schema
    };
    models.iter().map(|(name, model)| (name.clone(), schema(model))).collect()
}

/// How a document names a model.
pub(super) fn place_of(name: &str, is_swagger: bool) -> String {
    format!("{}{name}", PLACES[usize::from(!is_swagger)])
}

/// A schema with its references as the other side has them.
fn translated(schema: &Value, reference: &dyn Fn(&str) -> Option<String>) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let other = value.as_str().filter(|_| name == "$ref").and_then(reference);
                (name.clone(), other.map_or_else(|| translated(value, reference), Value::String))
            };
            // What is for those who read has no place in a model that checks.
            Value::Object(
                members.iter().filter(|(name, _)| *name != "example" && *name != "xml").map(member).collect(),
            )
        }
        Value::Array(items) => items.iter().map(|item| translated(item, reference)).collect(),
        other => other.clone(),
    }
}
