//! Operations on stages.

use serde_json::{Value, json};

use super::{
    ApiGatewayV2, Handled,
    error::{bad_request, conflict, no_part},
    listing,
    record::{ApiRecord, Shape, seconds, taken, text},
};
use crate::service::ServiceContext;

impl ApiGatewayV2 {
    pub(super) async fn create_stage(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let (api_id, now_ms) = (taken(&mut input, "ApiId"), context.now_ms);
        self.change(context, &api_id, move |record| {
            let name = taken(&mut input, "StageName");
            if !is_name(&name) {
                return Err(bad_request(
                    "Stage name only allows a-zA-Z0-9_- characters, or $default for HTTP APIs",
                ));
            }
            if record.of("Stage").contains_key(&name) {
                return Err(conflict("Stage already exists"));
            }
            complete(record.is_http(), &name, &mut input, now_ms);
            put(record, name, input, now_ms)
        })
        .await
    }

    pub(super) async fn get_stage(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "ApiId"))?;
        find(&record, &input).cloned()
    }

    pub(super) async fn get_stages(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "ApiId"))?;
        let named = record.of("Stage").iter().map(|(name, stage)| (name.clone(), stage.clone()));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_stage(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let (api_id, now_ms) = (taken(&mut input, "ApiId"), context.now_ms);
        self.change(context, &api_id, move |record| {
            let mut stage = find(record, &input)?.clone();
            let name = taken(&mut input, "StageName");
            stage.extend(input);
            stage.insert("LastUpdatedDate".into(), seconds(now_ms));
            put(record, name, stage, now_ms)
        })
        .await
    }

    pub(super) async fn delete_stage(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        self.change_stage(context, input, |record, name| {
            record.of_mut("Stage").remove(name);
        })
        .await
    }

    pub(super) async fn delete_access_log_settings(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        self.change_stage(context, input, |record, name| {
            if let Some(stage) = record.of_mut("Stage").get_mut(name) {
                stage.remove("AccessLogSettings");
            }
        })
        .await
    }

    pub(super) async fn delete_route_settings(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let route_key = text(&input, "RouteKey").to_owned();
        self.change_stage(context, input, move |record, name| {
            let stage = record.of_mut("Stage").get_mut(name);
            if let Some(Value::Object(settings)) = stage.and_then(|stage| stage.get_mut("RouteSettings")) {
                settings.remove(&route_key);
            }
        })
        .await
    }

    /// What authorizers said before is forgotten.
    pub(super) async fn reset_authorizers_cache(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let now_ms = context.now_ms;
        self.change_stage(context, input, move |record, name| {
            if let Some(stage) = record.of_mut("Stage").get_mut(name) {
                stage.insert(CACHE_RESET.into(), now_ms.into());
            }
        })
        .await
    }

    async fn change_stage(
        &self,
        context: &ServiceContext,
        input: Shape,
        change: impl FnOnce(&mut ApiRecord, &str) + Send + 'static,
    ) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        self.change(context, &api_id, move |record| {
            find(record, &input)?;
            change(record, text(&input, "StageName"));
            Ok(())
        })
        .await
    }
}

/// Since when what authorizers said counts; no member of the model, so that nobody sees it.
pub(super) const CACHE_RESET: &str = "AuthorizersCacheReset";

fn find<'a>(record: &'a ApiRecord, input: &Shape) -> Handled<&'a Shape> {
    let name = text(input, "StageName");
    record.of("Stage").get(name).ok_or_else(|| no_part("Stage", name))
}

/// What a stage is where a request does not say.
pub(super) fn complete(is_http: bool, name: &str, stage: &mut Shape, now_ms: i64) {
    let settings = match is_http {
        true => json!({"DetailedMetricsEnabled": false}),
        false => json!({"DataTraceEnabled": false, "DetailedMetricsEnabled": false, "LoggingLevel": "OFF"}),
    };
    stage.entry("DefaultRouteSettings").or_insert(settings);
    for empty in ["RouteSettings", "StageVariables", "Tags"] {
        stage.entry(empty).or_insert(json!({}));
    }
    stage.insert("StageName".into(), name.into());
    stage.insert("CreatedDate".into(), seconds(now_ms));
    stage.insert("LastUpdatedDate".into(), seconds(now_ms));
}

/// Keeps a stage; one that deploys automatically has what there is now.
fn put(record: &mut ApiRecord, name: String, stage: Shape, now_ms: i64) -> Handled<Shape> {
    let deployment = text(&stage, "DeploymentId");
    if !deployment.is_empty() && !record.snapshots.contains_key(deployment) {
        return Err(bad_request("Deployment id does not exist"));
    }
    let is_automatic = stage.get("AutoDeploy") == Some(&Value::Bool(true));
    if is_automatic && !record.is_http() {
        return Err(bad_request("AutoDeploy is supported by HTTP APIs only"));
    }
    record.of_mut("Stage").insert(name.clone(), stage);
    if is_automatic {
        record.deploy_automatically(now_ms);
    }
    Ok(record.of("Stage")[&name].clone())
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name == "$default" || (!name.is_empty() && name.bytes().all(is_plain))
}
