//! The parts of a botocore service model that generation needs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;

/// A service model.
#[derive(Deserialize)]
pub(crate) struct Model {
    pub(crate) metadata: Metadata,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) shapes: BTreeMap<String, Shape>,
}

/// What is true of the whole service.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    #[serde(rename = "xmlNamespace", default)]
    pub(crate) xml_namespace: String,
}

/// One operation.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) http: Http,
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
    #[serde(default)]
    pub(crate) errors: Vec<Reference>,
}

/// Its HTTP binding.
#[derive(Deserialize)]
pub(crate) struct Http {
    pub(crate) method: String,
    #[serde(rename = "requestUri")]
    pub(crate) request_uri: String,
    #[serde(rename = "responseCode")]
    pub(crate) response_code: Option<u16>,
}

/// A reference to a shape, with its binding where it is a member.
#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) shape: String,
    pub(crate) location: Option<String>,
    #[serde(rename = "locationName")]
    pub(crate) location_name: Option<String>,
    /// The element around an operation's output, in the query protocol.
    #[serde(rename = "resultWrapper")]
    pub(crate) result_wrapper: Option<String>,
}

/// One shape.
#[derive(Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// In the model's own order, which is the order of AWS's messages.
    #[serde(default)]
    pub(crate) members: Members,
    pub(crate) member: Option<Reference>,
    pub(crate) key: Option<Reference>,
    pub(crate) value: Option<Reference>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<String>,
    #[serde(rename = "enum", default)]
    pub(crate) values: Vec<String>,
    pub(crate) payload: Option<String>,
    #[serde(rename = "timestampFormat")]
    pub(crate) timestamp_format: Option<String>,
    pub(crate) error: Option<ErrorTrait>,
    #[serde(default)]
    pub(crate) exception: bool,
    #[serde(default)]
    pub(crate) sensitive: bool,
    #[serde(default)]
    pub(crate) eventstream: bool,
}

/// What makes a structure an error.
#[derive(Deserialize)]
pub(crate) struct ErrorTrait {
    #[serde(rename = "httpStatusCode")]
    pub(crate) http_status_code: Option<u16>,
}

/// Members in the order of the file; a map of serde_json's would sort them.
#[derive(Default)]
pub(crate) struct Members(Vec<(String, Reference)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a map of members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Model {
    /// Forgets which words are allowed.
    pub(crate) fn take_any_word(&mut self) {
        self.shapes.values_mut().for_each(|shape| shape.values.clear());
    }

    /// Forgets the inputs, outputs and errors of all other operations, and the shapes that only they use.
    pub(crate) fn keep(&mut self, built: &[&str]) -> Result<(), Failure> {
        if let Some(unknown) = built.iter().find(|name| !self.operations.contains_key(**name)) {
            return Err(Failure::new(format!("the model has no operation {unknown}")));
        }
        let mut used = BTreeSet::new();
        for (name, operation) in &mut self.operations {
            if !built.contains(&name.as_str()) {
                (operation.input, operation.output) = (None, None);
                operation.errors.clear();
            }
            let references = operation.input.iter().chain(&operation.output).chain(&operation.errors);
            references.for_each(|reference| reach(&self.shapes, &reference.shape, &mut used));
        }
        self.shapes.retain(|name, _| used.contains(name));
        Ok(())
    }
}

fn reach(shapes: &BTreeMap<String, Shape>, name: &str, used: &mut BTreeSet<String>) {
    let Some(shape) = shapes.get(name) else { return };
    if !used.insert(name.to_owned()) {
        return;
    }
    let members = shape.members.0.iter().map(|(_, reference)| reference);
    let all = members.chain(&shape.member).chain(&shape.key).chain(&shape.value);
    all.for_each(|reference| reach(shapes, &reference.shape, used));
}

impl Shape {
    /// The members in the model's order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Reference)> {
        self.members.0.iter().map(|(name, reference)| (name.as_str(), reference))
    }
}

/// Reads a model out of the unpacked package.
pub(crate) fn read(botocore: &Path, path: &str) -> Result<Model, Failure> {
    let path = botocore.join(path);
    let describe = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let file = std::fs::File::open(&path).map_err(|error| describe(&error))?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).map_err(|error| describe(&error))?;
    serde_json::from_str(&text).map_err(|error| describe(&error))
}
