//! REST APIs as they are kept: in the shapes of AWS's model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Document, DocumentKey};

use super::{Handled, error::no_part};
use crate::service::ServiceContext;

pub use crate::shape::Shape;
pub(super) use crate::shape::{defaults, key, new_id, seconds, taken, text};

/// Parts by kind, and by id or name.
pub(super) type Parts = BTreeMap<String, BTreeMap<String, Shape>>;

/// An API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ApiRecord {
    /// `RestApi` of the model.
    pub api: Shape,
    /// `Resource` of the model, with its methods and their integrations in it, by id.
    pub resources: BTreeMap<String, Shape>,
    /// Models by name, request validators and authorizers by id, gateway responses by type.
    #[serde(default)]
    pub parts: Parts,
    /// Stages by name.
    #[serde(default)]
    pub stages: BTreeMap<String, Shape>,
}

/// What was deployed; it never changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DeploymentRecord {
    /// `Deployment` of the model.
    pub deployment: Shape,
    /// The API at that moment.
    pub snapshot: Snapshot,
}

/// What is deployed of an API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `RestApi` of the model.
    pub api: Shape,
    /// Resources by id.
    pub resources: BTreeMap<String, Shape>,
    /// Models, request validators, authorizers, gateway responses.
    pub parts: BTreeMap<String, BTreeMap<String, Shape>>,
}

impl Document for ApiRecord {
    const KIND: &'static str = "apigateway/api";
}

/// Kept under the API's id.
impl Document for DeploymentRecord {
    const KIND: &'static str = "apigateway/deployment";
}

impl Snapshot {
    /// Parts of a kind.
    pub fn of(&self, kind: &str) -> &BTreeMap<String, Shape> {
        static NONE: BTreeMap<String, Shape> = BTreeMap::new();
        self.parts.get(kind).unwrap_or(&NONE)
    }
}

impl ApiRecord {
    /// An API with a root, and the models that each has (API Gateway guide, "Understanding data models").
    pub(super) fn new(mut api: Shape, now_ms: i64) -> Self {
        let (id, root) = (new_id(10), new_id(10));
        api.insert("id".into(), id.into());
        api.insert("createdDate".into(), seconds(now_ms));
        api.insert("rootResourceId".into(), root.clone().into());
        let mut record = Self { api, ..Self::default() };
        record.resources.insert(root.clone(), shape(json!({"id": root, "path": "/"})));
        record.add_usual_models();
        record
    }

    /// The models that an API has from its beginning.
    pub(super) fn add_usual_models(&mut self) {
        let schema = |title: &str, rest: &str| {
            let start = r#"{"$schema":"http://json-schema.org/draft-04/schema#","title":""#;
            format!("{start}{title}\",\"type\":\"object\"{rest}}}")
        };
        for (name, description, schema) in [
            ("Empty", "This is a default empty schema model", schema("Empty Schema", "")),
            (
                "Error",
                "This is a default error schema model",
                schema("Error Schema", r#","properties":{"message":{"type":"string"}}"#),
            ),
        ] {
            let model = json!({
                "id": new_id(6), "name": name, "description": description, "schema": schema,
                "contentType": "application/json",
            });
            self.of_mut("Model").entry(name.to_owned()).or_insert(shape(model));
        }
    }

    /// Parts of a kind.
    pub(super) fn of(&self, kind: &str) -> &BTreeMap<String, Shape> {
        static NONE: BTreeMap<String, Shape> = BTreeMap::new();
        self.parts.get(kind).unwrap_or(&NONE)
    }

    /// The same, to be changed.
    pub(super) fn of_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Shape> {
        self.parts.entry(kind.to_owned()).or_default()
    }

    /// A resource.
    pub(super) fn resource(&self, id: &str) -> Handled<&Shape> {
        self.resources.get(id).ok_or_else(|| no_part("Resource"))
    }

    /// The method of a resource.
    pub(super) fn method(&self, input: &Shape) -> Handled<&Shape> {
        let resource = self.resource(text(input, "resourceId"))?;
        let methods = resource.get("resourceMethods");
        let method = methods.and_then(|all| all.get(text(input, "httpMethod"))).and_then(Value::as_object);
        method.ok_or_else(|| no_part("Method"))
    }

    /// The same, to be changed.
    pub(super) fn method_mut(&mut self, input: &Shape) -> Handled<&mut Shape> {
        let id = text(input, "resourceId");
        let resource = self.resources.get_mut(id).ok_or_else(|| no_part("Resource"))?;
        let methods = resource.get_mut("resourceMethods");
        let method = methods.and_then(|all| all.get_mut(text(input, "httpMethod")));
        method.and_then(Value::as_object_mut).ok_or_else(|| no_part("Method"))
    }

    /// What would be deployed now.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { api: self.api.clone(), resources: self.resources.clone(), parts: self.parts.clone() }
    }

    /// Methods of all resources, with the paths of these.
    pub(super) fn methods(&self) -> impl Iterator<Item = (&str, &String, &Shape)> {
        methods_of(&self.resources)
    }
}

/// Methods of resources, with the paths of these.
pub(super) fn methods_of(
    resources: &BTreeMap<String, Shape>,
) -> impl Iterator<Item = (&str, &String, &Shape)> {
    resources.values().flat_map(|resource| {
        let methods = resource.get("resourceMethods").and_then(Value::as_object).into_iter().flatten();
        methods.filter_map(|(name, method)| Some((text(resource, "path"), name, method.as_object()?)))
    })
}

/// An object as a structure.
pub(super) fn shape(value: Value) -> Shape {
    match value {
        Value::Object(members) => members,
        _ => Shape::new(),
    }
}

/// Where an API of the caller's is kept.
pub(super) fn api_key(context: &ServiceContext, api_id: &str) -> DocumentKey {
    key(context, String::new(), api_id)
}

/// Where a deployment of an API of the caller's is kept.
pub(super) fn deployment_key(context: &ServiceContext, api_id: &str, id: &str) -> DocumentKey {
    key(context, api_id.to_owned(), id)
}
