//! Operations on APIs themselves.

use serde_json::{Value, json};
use store::Transaction;

use super::{
    ApiGateway, Handled,
    error::{bad_request, no_api},
    listing, patch,
    record::{ApiRecord, DeploymentRecord, Shape, api_key, defaults, deployment_key, taken, text},
};
use crate::{change::ChangeError, service::ServiceContext};

/// What UpdateRestApi may change.
const MEMBERS: [&str; 10] = [
    "name",
    "description",
    "version",
    "binaryMediaTypes",
    "minimumCompressionSize",
    "apiKeySource",
    "endpointConfiguration",
    "policy",
    "disableExecuteApiEndpoint",
    "securityPolicy",
];
/// Largest size from which answers may be compressed, bytes (API reference, RestApi).
const COMPRESSION_SIZE_MAX: i64 = 10 * 1024 * 1024;

impl ApiGateway {
    pub(super) async fn create_rest_api(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let cloned = taken(&mut input, "cloneFrom");
        let mut record = ApiRecord::new(usual(input), context.now_ms);
        if !cloned.is_empty() {
            let original = self.api(context, &cloned)?;
            let root = original.api.get("rootResourceId").cloned();
            record.resources.clone_from(&original.resources);
            record.parts.clone_from(&original.parts);
            record.api.extend(root.map(|root| ("rootResourceId".to_owned(), root)));
        }
        check(&record.api)?;
        let api = record.api.clone();
        self.put(context, record).await?;
        Ok(api)
    }

    pub(super) async fn get_rest_api(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        Ok(self.api(context, text(&input, "restApiId"))?.api.clone())
    }

    pub(super) async fn get_rest_apis(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let records = self.registry.of_account(context.account_id(), &context.region);
        let named = records.iter().map(|record| (text(&record.api, "id").to_owned(), record.api.clone()));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_rest_api(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        self.change(context, text(&input, "restApiId"), move |record| {
            patch::apply(&mut record.api, &operations, &MEMBERS)?;
            if text(&record.api, "policy").is_empty() {
                record.api.remove("policy");
            }
            check(&record.api)?;
            Ok(record.api.clone())
        })
        .await
    }

    /// Its deployments go with it.
    pub(super) async fn delete_rest_api(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        let (key, missing) = (api_key(context, &api_id), no_api(context.account_id(), &api_id));
        let deployments: Vec<_> = self
            .registry
            .deployments(&key)
            .iter()
            .map(|deployment| deployment_key(context, &api_id, text(deployment, "id")))
            .collect();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            for deployment in &deployments {
                transaction.delete_document::<DeploymentRecord>(deployment)?;
            }
            match transaction.delete_document::<ApiRecord>(&key)? {
                true => Ok(()),
                false => Err(missing.into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }
}

/// What an API is where a request does not say.
pub(super) fn usual(mut api: Shape) -> Shape {
    defaults(
        &mut api,
        json!({
            "apiKeySource": "HEADER", "disableExecuteApiEndpoint": false, "tags": {},
            "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        }),
    );
    if let Some(Value::Object(endpoint)) = api.get_mut("endpointConfiguration") {
        defaults(endpoint, json!({"types": ["EDGE"], "ipAddressType": "ipv4"}));
    }
    api
}

pub(super) fn check(api: &Shape) -> Handled<()> {
    if text(api, "name").is_empty() {
        return Err(bad_request("API Name cannot be empty"));
    }
    let size = api.get("minimumCompressionSize").and_then(Value::as_i64).unwrap_or_default();
    if !(0..=COMPRESSION_SIZE_MAX).contains(&size) {
        return Err(bad_request("Invalid minimum compression size, must be between 0 and 10485760"));
    }
    if !matches!(text(api, "apiKeySource"), "HEADER" | "AUTHORIZER") {
        return Err(bad_request("Invalid apiKeySource; must be one of: [AUTHORIZER, HEADER]"));
    }
    let types = api.get("endpointConfiguration").and_then(|it| it.get("types")).and_then(Value::as_array);
    let is_type = |one: &Value| matches!(one.as_str(), Some("EDGE" | "REGIONAL" | "PRIVATE"));
    if !types.is_some_and(|types| types.len() == 1 && types.iter().all(is_type)) {
        return Err(bad_request("Invalid endpoint type; must be one of: [EDGE, REGIONAL, PRIVATE]"));
    }
    let policy = text(api, "policy");
    if !policy.is_empty() && super::compiled::policy(api, "").is_none() {
        return Err(bad_request(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
        ));
    }
    Ok(())
}
