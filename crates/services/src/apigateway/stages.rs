//! Operations on stages: what is served, and under which name.

use serde_json::{Value, json};

use super::{
    ApiGateway, Handled,
    error::{bad_request, comes_later, conflict, no_part},
    method_settings, patch,
    record::{ApiRecord, Shape, api_key, defaults, seconds, shape, taken, text},
};
use crate::service::ServiceContext;

const MEMBERS: [&str; 9] = [
    "description",
    "deploymentId",
    "variables",
    "accessLogSettings",
    "tracingEnabled",
    "documentationVersion",
    "clientCertificateId",
    "cacheClusterEnabled",
    "cacheClusterSize",
];
/// Since when what authorizers said counts, Unix time, milliseconds; no member of the model, so that nobody sees it.
pub(super) const CACHE_RESET: &str = "authorizersCacheReset";

impl ApiGateway {
    pub(super) async fn create_stage(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        if input.contains_key("canarySettings") {
            return Err(comes_later("Canaries"));
        }
        let (api_id, now_ms) = (taken(&mut input, "restApiId"), context.now_ms);
        self.api(context, &api_id)?;
        let id = text(&input, "deploymentId");
        if self.registry.deployment(&api_key(context, &api_id), id).is_none() {
            return Err(bad_request("Deployment id does not exist"));
        }
        self.change(context, &api_id, move |record| {
            let name = text(&input, "stageName").to_owned();
            if record.stages.contains_key(&name) {
                return Err(conflict("Stage already exists"));
            }
            put(record, &name, usual(input, now_ms))
        })
        .await
    }

    pub(super) async fn get_stage(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        find(&*self.api(context, text(&input, "restApiId"))?, &input).cloned()
    }

    /// All of them: there are no pages of stages.
    pub(super) async fn get_stages(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        let wanted = text(&input, "deploymentId");
        let is_wanted = |stage: &&Shape| wanted.is_empty() || text(stage, "deploymentId") == wanted;
        let stages: Vec<&Shape> = record.stages.values().filter(is_wanted).collect();
        Ok(shape(json!({"item": stages})))
    }

    pub(super) async fn update_stage(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let (api_id, now_ms) = (text(&input, "restApiId").to_owned(), context.now_ms);
        let record = self.api(context, &api_id)?;
        find(&record, &input)?;
        for operation in operations.iter().filter(|operation| operation.path == ["deploymentId"]) {
            if self.registry.deployment(&api_key(context, &api_id), operation.value()?).is_none() {
                return Err(bad_request("Deployment id does not exist"));
            }
        }
        self.change(context, &api_id, move |record| {
            let mut stage = find(record, &input)?.clone();
            for operation in operations {
                let first = operation.path.first().map_or("", String::as_str);
                if first == "canarySettings" {
                    return Err(comes_later("Canaries"));
                }
                if !MEMBERS.contains(&first) {
                    method_settings::apply(&mut stage, &operation, &MEMBERS)?;
                    continue;
                }
                patch::apply(&mut stage, std::slice::from_ref(&operation), &MEMBERS)?;
            }
            stage.insert("lastUpdatedDate".into(), seconds(now_ms));
            put(record, text(&input, "stageName"), stage)
        })
        .await
    }

    pub(super) async fn delete_stage(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        self.change_stage(context, input, |record, name| {
            record.stages.remove(name);
        })
        .await
    }

    /// What authorizers said before is forgotten.
    pub(super) async fn flush_stage_authorizers_cache(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let now_ms = context.now_ms;
        self.change_stage(context, input, move |record, name| {
            if let Some(stage) = record.stages.get_mut(name) {
                stage.insert(CACHE_RESET.into(), now_ms.into());
            }
        })
        .await
    }

    /// There is no cache of answers, so that none has any.
    pub(super) async fn flush_stage_cache(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        find(&*self.api(context, text(&input, "restApiId"))?, &input).map(drop)
    }

    async fn change_stage(
        &self,
        context: &ServiceContext,
        input: Shape,
        change: impl FnOnce(&mut ApiRecord, &str) + Send + 'static,
    ) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            find(record, &input)?;
            change(record, text(&input, "stageName"));
            Ok(())
        })
        .await
    }
}

fn find<'a>(record: &'a ApiRecord, input: &Shape) -> Handled<&'a Shape> {
    record.stages.get(text(input, "stageName")).ok_or_else(|| no_part("Stage"))
}

/// Gives a stage another deployment; it is made where it is missing.
pub(super) fn deploy_to(
    record: &mut ApiRecord,
    name: &str,
    deployment_id: &str,
    input: &Shape,
    now_ms: i64,
) -> Handled<()> {
    let mut stage = match record.stages.get(name) {
        Some(stage) => stage.clone(),
        None => usual(shape(json!({"stageName": name})), now_ms),
    };
    stage.insert("deploymentId".into(), deployment_id.into());
    stage.insert("lastUpdatedDate".into(), seconds(now_ms));
    for (given, member) in [
        ("stageDescription", "description"),
        ("variables", "variables"),
        ("tracingEnabled", "tracingEnabled"),
        ("cacheClusterEnabled", "cacheClusterEnabled"),
        ("cacheClusterSize", "cacheClusterSize"),
    ] {
        if let Some(value) = input.get(given) {
            stage.insert(member.into(), value.clone());
        }
    }
    put(record, name, stage).map(drop)
}

fn usual(mut stage: Shape, now_ms: i64) -> Shape {
    defaults(
        &mut stage,
        json!({
            "cacheClusterEnabled": false, "cacheClusterStatus": "NOT_AVAILABLE", "methodSettings": {},
            "tracingEnabled": false, "createdDate": seconds(now_ms), "lastUpdatedDate": seconds(now_ms),
        }),
    );
    stage
}

fn put(record: &mut ApiRecord, name: &str, stage: Shape) -> Handled<Shape> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_plain) {
        return Err(bad_request("Stage name only allows a-zA-Z0-9_"));
    }
    if stage.get("cacheClusterEnabled") == Some(&Value::Bool(true)) {
        return Err(comes_later("Caches of stages"));
    }
    for (variable, value) in stage.get("variables").and_then(Value::as_object).into_iter().flatten() {
        let is_value = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&byte);
        let is_name = variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || !value.as_str().is_some_and(|value| value.bytes().all(is_value)) {
            return Err(bad_request(format!(
                "Stage variable {variable} is invalid: names have a-zA-Z0-9_, values match [A-Za-z0-9-._~:/?#&=,]+"
            )));
        }
    }
    record.stages.insert(name.to_owned(), stage.clone());
    Ok(stage)
}
