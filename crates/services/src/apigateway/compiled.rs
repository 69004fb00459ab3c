//! What is deployed of an API, made ready to answer: paths in a table, templates and mappings read, models compiled when first asked.

mod models;

use std::collections::HashMap;

use lambda_model::{
    authorization::PolicyDocument,
    rest_api::{
        parameters::{Place, Source},
        resources::{FoundResource, ResourceTable},
    },
    vtl::Template,
};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use self::models::Models;
use super::record::{Shape, Snapshot, text};
use crate::shape::texts;

pub(super) use models::check_schema;

/// A template that is ready; none where its text is no template, which nobody could have kept.
pub type TemplateOf = Option<Template>;

/// See the module's doc.
pub struct Compiled {
    /// What it was made from.
    pub snapshot: Snapshot,
    /// Types of contents that are binary.
    pub binary: Vec<String>,
    /// Who may come in at all, where the API says so.
    pub policy: Option<PolicyDocument>,
    resources: ResourceTable,
    /// Methods by resource and name.
    methods: HashMap<String, HashMap<String, Method>>,
    models: Models,
    /// What tokens look like, by the authorizer that wants them so.
    tokens: HashMap<String, Regex>,
}

/// A method of a resource.
pub struct Method {
    /// `Method` of the model.
    pub shape: Shape,
    /// The resource.
    pub resource_id: String,
    /// Its path.
    pub resource_path: String,
    /// What answers.
    pub integration: Option<Integration>,
}

/// What answers a method.
pub struct Integration {
    /// `Integration` of the model.
    pub shape: Shape,
    /// Templates of requests, by type.
    pub templates: Vec<(String, TemplateOf)>,
    /// Which parameters it gets, and from where.
    pub parameters: Vec<(Place, Source)>,
    /// What becomes of its answers.
    pub responses: Vec<IntegrationResponse>,
}

/// What becomes of an answer of an integration.
pub struct IntegrationResponse {
    /// `IntegrationResponse` of the model.
    pub shape: Shape,
    /// The status that the client gets.
    pub status: u16,
    /// Which answers it is for; `None` for all that no other is for.
    pub pattern: Option<Regex>,
    /// Templates of answers, by type.
    pub templates: Vec<(String, TemplateOf)>,
    /// Headers that the client gets, and from where.
    pub headers: Vec<(String, Source)>,
}

impl Compiled {
    /// Makes a snapshot ready of the API whose requests have ARNs that begin so: `arn:aws:execute-api:REGION:ACCOUNT:API`.
    pub fn new(snapshot: Snapshot, arn: &str) -> Self {
        let paths = snapshot.resources.iter().map(|(id, it)| (text(it, "path"), id.as_str()));
        let resources = ResourceTable::new(paths);
        let methods = snapshot.resources.iter().map(|(id, resource)| {
            let all = resource.get("resourceMethods").and_then(Value::as_object).into_iter().flatten();
            let all =
                all.filter_map(|(name, it)| Some((name.clone(), method(id, resource, it.as_object()?))));
            (id.clone(), all.collect())
        });
        let methods = methods.collect();
        let binary = snapshot.api.get("binaryMediaTypes").and_then(Value::as_array).into_iter().flatten();
        Self {
            binary: binary.filter_map(Value::as_str).map(str::to_owned).collect(),
            policy: policy(&snapshot.api, arn),
            models: Models::new(snapshot.of("Model")),
            tokens: tokens(&snapshot),
            resources,
            methods,
            snapshot,
        }
    }

    /// The method that a request takes, by its path behind the stage.
    pub fn find(&self, method: &str, path: &str) -> Option<(&Method, FoundResource)> {
        let found = self.resources.find(path, |id| self.method(id, method).is_some())?;
        Some((self.method(&found.id, method)?, found))
    }

    /// The method of a resource: its own one, or that for any.
    pub fn method(&self, resource_id: &str, name: &str) -> Option<&Method> {
        let all = self.methods.get(resource_id)?;
        all.get(name).or_else(|| all.get("ANY"))
    }

    /// Whether a token looks as an authorizer wants it.
    pub fn is_token(&self, authorizer_id: &str, token: &str) -> bool {
        self.tokens.get(authorizer_id).is_some_and(|pattern| pattern.is_match(token))
    }

    /// What is wrong with a document by a model; `None` where the model cannot be used.
    pub fn errors_of(&self, model: &str, document: &Value) -> Option<Vec<String>> {
        self.models.errors_of(model, document)
    }
}

/// Who may come in at all. A policy may name resources without the API that it is of: `execute-api:/stage/GET/path`.
pub(super) fn policy(api: &Shape, arn: &str) -> Option<PolicyDocument> {
    let policy = text(api, "policy");
    // Whoever reads it from an API of AWS's gets it with its quotes escaped.
    let plain = || serde_json::from_str(&policy.replace("\\\"", "\"")).ok();
    let mut document: Value = serde_json::from_str(policy).ok().or_else(plain)?;
    name_resources(&mut document["Statement"], arn);
    PolicyDocument::from_value(&document).ok()
}

fn name_resources(value: &mut Value, arn: &str) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| name_resources(one, arn)),
        Value::Object(statement) => {
            for member in ["Resource", "NotResource"] {
                statement.get_mut(member).into_iter().for_each(|it| name_resources(it, arn));
            }
        }
        Value::String(resource) => {
            if let Some(rest) = resource.strip_prefix("execute-api:/") {
                *resource = format!("{arn}/{rest}");
            }
        }
        _ => {}
    }
}

fn method(id: &str, resource: &Shape, shape: &Shape) -> Method {
    let integration = shape.get("methodIntegration").and_then(Value::as_object);
    Method {
        resource_id: id.to_owned(),
        resource_path: text(resource, "path").to_owned(),
        integration: integration.map(Integration::new),
        shape: shape.clone(),
    }
}

impl Integration {
    fn new(shape: &Shape) -> Self {
        let parameters = texts(shape.get("requestParameters"));
        let parameters = parameters
            .iter()
            .filter_map(|(place, source)| Some((Place::of_request(place)?, Source::of_request(source)?)));
        let responses = shape.get("integrationResponses").and_then(Value::as_object).into_iter().flatten();
        Self {
            templates: templates(shape.get("requestTemplates")),
            parameters: parameters.collect(),
            responses: responses.filter_map(|(_, it)| IntegrationResponse::new(it.as_object()?)).collect(),
            shape: shape.clone(),
        }
    }

    /// What becomes of an answer that is named so: its status, or the message of a function's error. One that is for all others is taken
    /// only where no other one is for it.
    pub fn response_for(&self, named: &str) -> Option<&IntegrationResponse> {
        let matched =
            self.responses.iter().find(|it| it.pattern.as_ref().is_some_and(|it| it.is_match(named)));
        matched.or_else(|| self.responses.iter().find(|it| it.pattern.is_none()))
    }
}

impl IntegrationResponse {
    fn new(shape: &Shape) -> Option<Self> {
        let pattern = text(shape, "selectionPattern");
        let headers = texts(shape.get("responseParameters"));
        let headers = headers.iter().filter_map(|(name, source)| {
            Some((name.strip_prefix("method.response.header.")?.to_owned(), Source::of_response(source)?))
        });
        Some(Self {
            status: text(shape, "statusCode").parse().ok()?,
            pattern: if pattern.is_empty() { None } else { whole(pattern) },
            templates: templates(shape.get("responseTemplates")),
            headers: headers.collect(),
            shape: shape.clone(),
        })
    }
}

fn tokens(snapshot: &Snapshot) -> HashMap<String, Regex> {
    let authorizers = snapshot.of("Authorizer").iter();
    let pattern = |it: &Shape| whole(text(it, "identityValidationExpression"));
    authorizers.filter_map(|(id, it)| Some((id.clone(), pattern(it)?))).collect()
}

/// A pattern that has to match the whole of a text.
pub(super) fn whole(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1024 * 1024).build().ok()
}

fn templates(given: Option<&Value>) -> Vec<(String, TemplateOf)> {
    texts(given).into_iter().map(|(kind, template)| (kind, Template::parse(&template).ok())).collect()
}
