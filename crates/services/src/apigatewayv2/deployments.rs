//! Operations on deployments: what an API was at a moment, for stages to serve.

use serde_json::{Value, json};

use super::{
    ApiGatewayV2, Handled,
    error::{bad_request, conflict, no_part},
    listing,
    record::{ApiRecord, Shape, seconds, taken, text},
};
use crate::service::ServiceContext;

impl ApiGatewayV2 {
    pub(super) async fn create_deployment(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let (api_id, now_ms) = (taken(&mut input, "ApiId"), context.now_ms);
        self.change(context, &api_id, move |record| {
            let stage = taken(&mut input, "StageName");
            if record.of("Route").is_empty() {
                return Err(bad_request("At least one route is required before deploying the Api."));
            }
            if !stage.is_empty() && !record.of("Stage").contains_key(&stage) {
                return Err(no_part("Stage", &stage));
            }
            let id = record.deploy(now_ms, json!({"Description": input.remove("Description")}));
            let deployment = record.of_mut("Deployment").entry(id.clone()).or_default();
            // What the request does not say is left out, not null.
            deployment.retain(|_, value| !value.is_null());
            let deployment = deployment.clone();
            if let Some(stage) = record.of_mut("Stage").get_mut(&stage) {
                stage.insert("DeploymentId".into(), id.into());
                stage.insert("LastUpdatedDate".into(), seconds(now_ms));
            }
            Ok(deployment)
        })
        .await
    }

    pub(super) async fn get_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "ApiId"))?;
        find(&record, &input).cloned()
    }

    pub(super) async fn get_deployments(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "ApiId"))?;
        let named = record.of("Deployment").iter().map(|(id, it)| (id.clone(), it.clone()));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_deployment(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "ApiId");
        self.change(context, &api_id, move |record| {
            let mut deployment = find(record, &input)?.clone();
            deployment.extend(input);
            let id = text(&deployment, "DeploymentId").to_owned();
            record.of_mut("Deployment").insert(id, deployment.clone());
            Ok(deployment)
        })
        .await
    }

    pub(super) async fn delete_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        self.change(context, &api_id, move |record| {
            find(record, &input)?;
            let id = text(&input, "DeploymentId");
            if record.of("Stage").values().any(|stage| text(stage, "DeploymentId") == id) {
                return Err(conflict("Active stages pointing to this deployment must be moved or deleted"));
            }
            record.of_mut("Deployment").remove(id);
            record.snapshots.remove(id);
            Ok(())
        })
        .await
    }
}

fn find<'a>(record: &'a ApiRecord, input: &Shape) -> Handled<&'a Shape> {
    let id = input.get("DeploymentId").and_then(Value::as_str).unwrap_or_default();
    record.of("Deployment").get(id).ok_or_else(|| no_part("Deployment", id))
}
