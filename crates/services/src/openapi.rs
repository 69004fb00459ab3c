//! What documents of OpenAPI say of API Gateway's, whatever kind of API they are of (API Gateway guide, "OpenAPI extensions").

use serde_json::{Map, Value};

/// What operations on a path are called; the last is every method.
pub(crate) const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("x-amazon-apigateway-any-method", "ANY"),
];
/// What is behind an operation.
pub(crate) const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// Who decides who may come in, in a security scheme.
pub(crate) const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

/// The tags of an API: those of a document that have values.
pub(crate) fn tags(document: &Value) -> Map<String, Value> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let valued = |tag: &Value| {
        Some((tag["name"].as_str()?.to_owned(), tag.get("x-amazon-apigateway-tag-value")?.clone()))
    };
    tags.filter_map(valued).collect()
}
