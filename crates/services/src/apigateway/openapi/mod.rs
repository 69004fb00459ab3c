//! REST APIs as documents of Swagger 2 and OpenAPI 3, in both directions, with API Gateway's extensions (API Gateway guide, "Develop REST
//! APIs using OpenAPI").
//!
//! ```text
//! JSON or YAML ──read──► document ──import──► API: models, validators, authorizers, gateway responses, resources
//!                                     operation ──► methods, integrations
//! deployment ──export──► document ──► JSON or YAML
//! ```

mod export;
mod import;
mod operation;
mod schemas;

use bytes::Bytes;
use serde_json::Value;

use super::{
    ApiGateway, Handled,
    checks::Limits,
    error::{bad_request, no_part},
    record::{ApiRecord, Shape, api_key, text},
};
use crate::{
    documents,
    service::{Payload, ServiceContext},
};

const AUTHTYPE: &str = "x-amazon-apigateway-authtype";
const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
const VALIDATORS: &str = "x-amazon-apigateway-request-validators";
const RESPONSES: &str = "x-amazon-apigateway-gateway-responses";
const BINARY: &str = "x-amazon-apigateway-binary-media-types";

impl ApiGateway {
    pub(super) async fn import_rest_api(
        &self,
        context: &ServiceContext,
        input: Shape,
        body: Bytes,
    ) -> Handled<Shape> {
        let document = read(&body)?;
        let mut record = ApiRecord::new(import::api(&document)?, context.now_ms);
        let settings = import::Settings::of(&input, self.limits(context));
        let warnings = import::import(&mut record, &document, &settings)?;
        check_warnings(&input, &warnings)?;
        super::apis::check(&record.api)?;
        let shown = with_warnings(record.api.clone(), warnings);
        self.put(context, record).await?;
        Ok(shown)
    }

    /// Everything of the API is as the document has it, or the document is put over what there is; stages stay.
    pub(super) async fn put_rest_api(
        &self,
        context: &ServiceContext,
        input: Shape,
        body: Bytes,
    ) -> Handled<Shape> {
        let document = read(&body)?;
        let settings = import::Settings::of(&input, self.limits(context));
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let is_merge = text(&input, "mode") != "overwrite";
            let api = import::api(&document)?;
            if !is_merge {
                import::clear(record);
                record.api.extend(api);
            }
            let warnings = import::import(record, &document, &settings)?;
            check_warnings(&input, &warnings)?;
            super::apis::check(&record.api)?;
            Ok(with_warnings(record.api.clone(), warnings))
        })
        .await
    }

    pub(super) async fn get_export(&self, context: &ServiceContext, input: Shape) -> Handled<Payload> {
        let api_id = text(&input, "restApiId");
        let record = self.api(context, api_id).map_err(|_| no_part("Stage"))?;
        let stage = record.stages.get(text(&input, "stageName")).ok_or_else(|| no_part("Stage"))?;
        let deployment = self.registry.deployment(&api_key(context, api_id), text(stage, "deploymentId"));
        let deployment = deployment.ok_or_else(|| no_part("Deployment"))?;
        let is_swagger = match text(&input, "exportType") {
            "swagger" => true,
            "oas30" => false,
            other => return Err(bad_request(format!("No API exporter for type '{other}'"))),
        };
        let extensions =
            input.get("parameters").and_then(|all| all["extensions"].as_str()).unwrap_or_default();
        let place = export::Place {
            host: format!("{api_id}.execute-api.{}.amazonaws.com", context.region),
            stage: text(stage, "stageName").to_owned(),
        };
        let exporter = export::Exporter { snapshot: &deployment.snapshot, is_swagger, extensions };
        let document = exporter.document(&place);
        let disposition = |ending: &str| {
            let made = context.now_seconds();
            Some(format!("attachment; filename=\"{}_{made}.{ending}\"", text(&input, "exportType")))
        };
        let ending = match text(&input, "accepts") {
            "" | "application/json" | "*/*" => "json",
            "application/yaml" => "yaml",
            other => return Err(bad_request(format!("Invalid accept type: {other}"))),
        };
        let body = documents::written(&document, ending == "yaml")
            .map_err(|error| crate::change::failed(format!("not exported: {error}")))?;
        Ok(Payload {
            content_type: "application/octet-stream",
            body: body.into(),
            disposition: disposition(ending),
        })
    }
}

impl ApiGateway {
    /// What integrations of the caller's are held against.
    fn limits<'a>(&self, context: &'a ServiceContext) -> Limits<'a> {
        Limits { account_id: context.account_id(), timeout_ms_max: self.timeout_ms_max }
    }
}

/// The document of a request.
fn read(body: &[u8]) -> Handled<Value> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(bad_request("Failed to parse the uploaded OpenAPI document: it is not UTF-8"));
    };
    let document = documents::read(text);
    let document = document.map_err(|error| {
        bad_request(format!("Failed to parse the uploaded OpenAPI document due to: {error}"))
    })?;
    let version = |member: &str| document[member].as_str().unwrap_or_default().to_owned();
    if !document["paths"].is_object() {
        return Err(bad_request(
            "Failed to parse the uploaded OpenAPI document due to: 'paths' is a required property",
        ));
    }
    match version("swagger") == "2.0" || document["swagger"] == 2.0 || version("openapi").starts_with("3.") {
        true => Ok(document),
        false => Err(bad_request(
            "Failed to parse the uploaded OpenAPI document: only Swagger 2.0 and OpenAPI 3 are supported",
        )),
    }
}

fn check_warnings(input: &Shape, warnings: &[String]) -> Handled<()> {
    match input.get("failOnWarnings") == Some(&Value::Bool(true)) && !warnings.is_empty() {
        true => Err(bad_request(format!("Warnings found during import:\n\t{}", warnings.join("\n\t")))),
        false => Ok(()),
    }
}

fn with_warnings(mut shown: Shape, warnings: Vec<String>) -> Shape {
    if !warnings.is_empty() {
        shown.insert("warnings".into(), warnings.into());
    }
    shown
}

/// What a reference into the document stands for, or the value itself.
fn referenced<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut at = value;
    // One may lead to another, but not for ever.
    for _ in 0..16 {
        let pointed = at["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        match pointed.and_then(|pointer| document.pointer(pointer)) {
            Some(found) => at = found,
            None => return at,
        }
    }
    at
}

#[cfg(test)]
mod tests;
