//! Operations on deployments: snapshots of an API, which stages serve.

use serde_json::{Value, json};
use store::Transaction;

use super::{
    ApiGateway, Handled,
    error::{bad_request, comes_later, no_api, no_part},
    listing, patch,
    record::{
        ApiRecord, DeploymentRecord, Shape, api_key, deployment_key, methods_of, new_id, seconds, shape, text,
    },
    stages,
};
use crate::{change::ChangeError, service::ServiceContext};

impl ApiGateway {
    pub(super) async fn create_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        if input.contains_key("canarySettings") {
            return Err(comes_later("Canaries"));
        }
        let (api_id, id, now_ms) = (text(&input, "restApiId").to_owned(), new_id(6), context.now_ms);
        let (key, deployment) = (api_key(context, &api_id), deployment_key(context, &api_id, &id));
        let missing = no_api(context.account_id(), &api_id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let mut record = transaction.document::<ApiRecord>(&key)?.ok_or(missing)?;
            check_complete(&record)?;
            let mut made = shape(json!({"id": id, "createdDate": seconds(now_ms)}));
            if let Some(description) = input.get("description") {
                made.insert("description".into(), description.clone());
            }
            let stage = text(&input, "stageName");
            if !stage.is_empty() {
                stages::deploy_to(&mut record, stage, &id, &input, now_ms)?;
                transaction.put_document(&key, &record)?;
            }
            let kept = DeploymentRecord { deployment: made.clone(), snapshot: record.snapshot() };
            transaction.put_document(&deployment, &kept)?;
            Ok(made)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn get_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.deployment(context, &input)?;
        let mut deployment = record.deployment.clone();
        let embedded = input.get("embed").and_then(Value::as_array);
        if embedded.is_some_and(|all| all.iter().any(|one| one == "apisummary")) {
            deployment.insert("apiSummary".into(), summary(&record));
        }
        Ok(deployment)
    }

    pub(super) async fn get_deployments(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let api_id = text(&input, "restApiId");
        self.api(context, api_id)?;
        let all = self.registry.deployments(&api_key(context, api_id));
        listing::page(&input, all.into_iter().map(|it| (text(&it, "id").to_owned(), it)).collect())
    }

    pub(super) async fn update_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        self.deployment(context, &input)?;
        let operations = patch::operations(&input)?;
        let key = deployment_key(context, text(&input, "restApiId"), text(&input, "deploymentId"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let mut record =
                transaction.document::<DeploymentRecord>(&key)?.ok_or_else(|| no_part("Deployment"))?;
            patch::apply(&mut record.deployment, &operations, &["description"])?;
            transaction.put_document(&key, &record)?;
            Ok(record.deployment)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn delete_deployment(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        let id = text(&input, "deploymentId").to_owned();
        let (key, deployment) = (api_key(context, &api_id), deployment_key(context, &api_id, &id));
        let missing = no_api(context.account_id(), &api_id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let record = transaction.document::<ApiRecord>(&key)?.ok_or(missing)?;
            if record.stages.values().any(|stage| text(stage, "deploymentId") == id) {
                let told = "Active stages pointing to this deployment must be moved or deleted";
                return Err(bad_request(told).into());
            }
            match transaction.delete_document::<DeploymentRecord>(&deployment)? {
                true => Ok(()),
                false => Err(no_part("Deployment").into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    fn deployment(
        &self,
        context: &ServiceContext,
        input: &Shape,
    ) -> Handled<std::sync::Arc<DeploymentRecord>> {
        let api_id = text(input, "restApiId");
        self.api(context, api_id)?;
        let found = self.registry.deployment(&api_key(context, api_id), text(input, "deploymentId"));
        found.ok_or_else(|| no_part("Deployment"))
    }
}

/// Only an API with methods is deployed, and each of these has an integration.
fn check_complete(record: &ApiRecord) -> Handled<()> {
    if record.methods().next().is_none() {
        return Err(bad_request("The REST API doesn't contain any methods"));
    }
    match record.methods().any(|(_, _, method)| !method.contains_key("methodIntegration")) {
        true => Err(bad_request("No integration defined for method")),
        false => Ok(()),
    }
}

fn summary(record: &DeploymentRecord) -> Value {
    let mut all = Shape::new();
    for (path, name, method) in methods_of(&record.snapshot.resources) {
        let of_path = all.entry(path).or_insert(json!({}));
        of_path[name] = json!({
            "authorizationType": method.get("authorizationType"), "apiKeyRequired": method.get("apiKeyRequired"),
        });
    }
    Value::Object(all)
}
