//! HTTP APIs as documents of OpenAPI 3, in both directions (API Gateway guide, "Working with OpenAPI definitions for HTTP APIs").
//!
//! ```text
//! JSON or YAML ──read──► document ──import──► API, routes, integrations, authorizers, warnings
//! deployment, or what there is ──export──► document ──► JSON or YAML
//! ```

mod export;
mod import;

use serde_json::Value;

use super::{
    ApiGatewayV2, Handled, apis,
    error::{bad_request, no_part},
    record::{ApiRecord, Shape, api_key, taken, text},
};
use crate::{
    documents,
    service::{Payload, ServiceContext},
};

use import::Imported;

const CORS: &str = "x-amazon-apigateway-cors";

impl ApiGatewayV2 {
    pub(super) async fn import_api(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let imported = read(&input)?;
        let mut record = apis::new_api(imported.api.clone(), context.now_ms)?;
        imported.put_into(&mut record)?;
        let shown = apis::shown(&record, context);
        self.put(api_key(context, record.text("ApiId")), record).await?;
        Ok(with_warnings(shown, &imported.warnings))
    }

    /// Everything of the API is as the document has it; stages stay.
    pub(super) async fn reimport_api(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let api_id = taken(&mut input, "ApiId");
        let imported = read(&input)?;
        let warnings = imported.warnings.clone();
        let record = self.change(context, &api_id, move |record| {
            if !record.is_http() {
                return Err(bad_request("Documents of OpenAPI are imported by HTTP APIs only"));
            }
            for kind in ["Route", "Integration", "Authorizer", "RouteResponse", "IntegrationResponse"] {
                record.of_mut(kind).clear();
            }
            for member in ["CorsConfiguration", "Description", "Version"] {
                record.api.remove(member);
            }
            record.api.extend(imported.api.clone());
            imported.put_into(record)?;
            Ok(record.clone())
        });
        Ok(with_warnings(apis::shown(&record.await?, context), &warnings))
    }

    pub(super) async fn export_api(&self, context: &ServiceContext, input: Shape) -> Handled<Payload> {
        let record = self.api(context, text(&input, "ApiId"))?;
        if text(&input, "Specification") != "OAS30" {
            return Err(bad_request("Specification should be OAS30"));
        }
        if !record.is_http() {
            return Err(bad_request("Only HTTP APIs are exported"));
        }
        let snapshot = match text(&input, "StageName") {
            "" => record.snapshot(),
            name => {
                let stage = record.of("Stage").get(name).ok_or_else(|| no_part("Stage", name))?;
                record.snapshots.get(text(stage, "DeploymentId")).cloned().unwrap_or_default()
            }
        };
        let has_extensions = input.get("IncludeExtensions") != Some(&Value::Bool(false));
        let document = export::document(&record, &snapshot, has_extensions);
        let (is_yaml, content_type) = match text(&input, "OutputType") {
            "JSON" => (false, "application/json"),
            "YAML" => (true, "application/yaml"),
            _ => return Err(bad_request("OutputType should be YAML or JSON")),
        };
        let body = documents::written(&document, is_yaml)
            .map_err(|error| crate::change::failed(format!("not exported: {error}")))?;
        Ok(Payload { content_type, body: body.into(), disposition: None })
    }
}

/// The document of a request, and what is wrong with it that does not keep it from being imported.
fn read(input: &Shape) -> Handled<Imported> {
    let body = text(input, "Body");
    let document = documents::read(body).map_err(|error| {
        bad_request(format!("Unable to parse API definition because of a malformed document: {error}"))
    })?;
    let imported = import::import(&document, text(input, "Basepath"))?;
    let fails = input.get("FailOnWarnings") == Some(&Value::Bool(true));
    match imported.warnings.is_empty() || !fails {
        true => Ok(imported),
        false => {
            Err(bad_request(format!("Warnings found during import:\n\t{}", imported.warnings.join("\n\t"))))
        }
    }
}

fn with_warnings(mut shown: Shape, warnings: &[String]) -> Shape {
    if !warnings.is_empty() {
        shown.insert("Warnings".into(), warnings.to_vec().into());
    }
    shown
}

/// Puts the parts of a document into an API: checked, as if each had been made by itself.
impl Imported {
    fn put_into(&self, record: &mut ApiRecord) -> Handled<()> {
        for (kind, check, parts) in [
            (
                "Authorizer",
                super::checks::authorizer as fn(&ApiRecord, &mut Shape) -> Handled<()>,
                &self.authorizers,
            ),
            ("Integration", super::checks::integration, &self.integrations),
            ("Route", super::checks::route, &self.routes),
        ] {
            for (id, part) in parts {
                let mut part = part.clone();
                part.insert(format!("{kind}Id"), id.clone().into());
                check(record, &mut part)?;
                record.of_mut(kind).insert(id.clone(), part);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
