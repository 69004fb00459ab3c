//! Models: JSON Schema of draft 4, by which bodies are checked. They may name each other as AWS has it:
//! `https://apigateway.amazonaws.com/restapis/API/models/NAME`.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    sync::{Arc, OnceLock},
};

use jsonschema::{Draft, PatternOptions, Retrieve, Uri, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::apigateway::record::{Shape, text};

/// Complaints that are told of.
const ERRORS_MAX: usize = 10;

/// See the module's doc.
pub(super) struct Models {
    schemas: Arc<HashMap<String, Value>>,
    /// Compiled when they are first asked.
    validators: HashMap<String, OnceLock<Option<Validator>>>,
}

impl Models {
    pub(super) fn new(models: &BTreeMap<String, Shape>) -> Self {
        let schema = |model: &Shape| serde_json::from_str(text(model, "schema")).unwrap_or(Value::Bool(true));
        let schemas: HashMap<_, _> =
            models.iter().map(|(name, model)| (name.clone(), schema(model))).collect();
        let validators = schemas.keys().map(|name| (name.clone(), OnceLock::new())).collect();
        Self { schemas: Arc::new(schemas), validators }
    }

    pub(super) fn errors_of(&self, model: &str, document: &Value) -> Option<Vec<String>> {
        let compile = || compiled(self.schemas.get(model)?, Arc::clone(&self.schemas)).ok();
        let validator = self.validators.get(model)?.get_or_init(compile).as_ref()?;
        Some(
            validator
                .iter_errors(document)
                .take(ERRORS_MAX)
                .map(|error| told(error.kind(), &error.to_string(), document))
                .collect(),
        )
    }
}

/// Whether a text is a schema, or why not.
pub(in crate::apigateway) fn check_schema(schema: &str) -> Result<(), String> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    if !schema.is_object() {
        return Err("a schema is an object".to_owned());
    }
    jsonschema::draft4::meta::validate(&schema).map_err(|error| error.to_string())
}

/// Patterns take linear time: those of a schema meet texts of anybody's.
fn compiled(schema: &Value, others: Arc<HashMap<String, Value>>) -> Result<Validator, String> {
    let options = jsonschema::options()
        .with_draft(Draft::Draft4)
        .with_pattern_options(PatternOptions::regex())
        .with_retriever(OtherModels(others));
    options.build(schema).map_err(|error| error.to_string())
}

/// Nothing is fetched: only models of the same API can be named.
struct OtherModels(Arc<HashMap<String, Value>>);

impl Retrieve for OtherModels {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.as_str().rsplit_once("/models/").map_or("", |(_, name)| name);
        self.0.get(name).cloned().ok_or_else(|| format!("{uri} is no model of this API").into())
    }
}

/// In the words of the validator that AWS has.
fn told(kind: &ValidationErrorKind, otherwise: &str, _: &Value) -> String {
    match kind {
        ValidationErrorKind::Required { property } => {
            format!("object has missing required properties ([{property}])")
        }
        _ => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn models() -> Models {
        let model = |schema: Value| {
            let mut shape = Shape::new();
            shape.insert("schema".into(), schema.to_string().into());
            shape
        };
        let of = "https://apigateway.amazonaws.com/restapis/abc/models/";
        Models::new(&BTreeMap::from([
            (
                "Pet".to_owned(),
                model(
                    json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}),
                ),
            ),
            ("Pets".to_owned(), model(json!({"type": "array", "items": {"$ref": format!("{of}Pet")}}))),
            ("Lost".to_owned(), model(json!({"$ref": format!("{of}None")}))),
            ("Old".to_owned(), model(json!({"type": "integer", "minimum": 3, "exclusiveMinimum": true}))),
        ]))
    }

    #[test]
    fn documents_are_checked_by_models_that_name_each_other() {
        let models = models();
        let errors = |model: &str, document: Value| models.errors_of(model, &document);
        assert_eq!(errors("Pet", json!({"name": "x"})), Some(vec![]));
        assert_eq!(
            errors("Pet", json!({})).unwrap(),
            ["object has missing required properties ([\"name\"])"]
        );
        assert_eq!(errors("Pets", json!([{"name": "x"}])), Some(vec![]));
        assert_eq!(errors("Pets", json!([{"name": 1}])).unwrap().len(), 1);
        assert_eq!(errors("Old", json!(3)).unwrap().len(), 1);
        assert_eq!(errors("Lost", json!(1)), None);
        assert_eq!(errors("None", json!(1)), None);
    }

    #[test]
    fn schemas_are_checked() {
        assert!(check_schema(r#"{"type": "object"}"#).is_ok());
        for wrong in ["", "[]", "{", r#"{"type": "thing"}"#, r#"{"required": "x"}"#] {
            assert!(check_schema(wrong).is_err(), "{wrong}");
        }
    }
}
