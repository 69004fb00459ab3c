//! Operations on the integrations of methods, and on what becomes of their answers.

use serde_json::{Value, json};

use super::{
    ApiGateway, Handled,
    checks::{self, Limits},
    error::no_part,
    patch,
    record::{Shape, defaults, taken, text},
};
use crate::service::ServiceContext;

const OF_INTEGRATION: [&str; 15] = [
    "type",
    "httpMethod",
    "uri",
    "connectionType",
    "connectionId",
    "credentials",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheNamespace",
    "cacheKeyParameters",
    "tlsConfig",
    "responseTransferMode",
];
const OF_RESPONSE: [&str; 4] =
    ["selectionPattern", "responseParameters", "responseTemplates", "contentHandling"];
/// The wait for an integration that does not say how long, milliseconds (API Gateway quotas: REST APIs).
pub(super) const TIMEOUT_MS: i64 = 29_000;

impl ApiGateway {
    pub(super) async fn put_integration(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let (api_id, longest) = (taken(&mut input, "restApiId"), self.timeout_ms_max);
        let account_id = context.account_id().to_owned();
        self.change(context, &api_id, move |record| {
            let mut integration = input.clone();
            ["resourceId", "httpMethod"].iter().for_each(|member| drop(integration.remove(*member)));
            if let Some(method) = integration.remove("integrationHttpMethod") {
                integration.insert("httpMethod".into(), method);
            }
            let resource_id = text(&input, "resourceId").to_owned();
            let limits = Limits { account_id: &account_id, timeout_ms_max: longest };
            put(record.method_mut(&input)?, &resource_id, integration, limits)
        })
        .await
    }

    pub(super) async fn get_integration(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        integration_of(self.api(context, text(&input, "restApiId"))?.method(&input)?).cloned()
    }

    pub(super) async fn update_integration(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let (api_id, longest) = (text(&input, "restApiId").to_owned(), self.timeout_ms_max);
        let account_id = context.account_id().to_owned();
        self.change(context, &api_id, move |record| {
            let method = record.method_mut(&input)?;
            let mut integration = integration_of(method)?.clone();
            patch::apply(&mut integration, &operations, &OF_INTEGRATION)?;
            let limits = Limits { account_id: &account_id, timeout_ms_max: longest };
            checks::integration(method, &integration, limits)?;
            method.insert("methodIntegration".into(), integration.clone().into());
            Ok(integration)
        })
        .await
    }

    pub(super) async fn delete_integration(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let removed = record.method_mut(&input)?.remove("methodIntegration");
            removed.map(drop).ok_or_else(|| no_part("Integration"))
        })
        .await
    }

    pub(super) async fn put_integration_response(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "restApiId");
        self.change(context, &api_id, move |record| {
            let mut response = input.clone();
            ["resourceId", "httpMethod"].iter().for_each(|member| drop(response.remove(*member)));
            put_response(record.method_mut(&input)?, response)
        })
        .await
    }

    pub(super) async fn get_integration_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        response_of(self.api(context, text(&input, "restApiId"))?.method(&input)?, &input).cloned()
    }

    pub(super) async fn update_integration_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let method = record.method_mut(&input)?;
            let mut response = response_of(method, &input)?.clone();
            patch::apply(&mut response, &operations, &OF_RESPONSE)?;
            put_response(method, response)
        })
        .await
    }

    pub(super) async fn delete_integration_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let method = record.method_mut(&input)?;
            response_of(method, &input)?;
            let all = method.get_mut("methodIntegration").and_then(|it| it.get_mut("integrationResponses"));
            if let Some(Value::Object(all)) = all {
                all.remove(text(&input, "statusCode"));
            }
            Ok(())
        })
        .await
    }
}

/// Gives a method its integration, in the place of any that it had.
pub(super) fn put(
    method: &mut Shape,
    resource_id: &str,
    mut integration: Shape,
    limits: Limits<'_>,
) -> Handled<Shape> {
    defaults(
        &mut integration,
        json!({
            "passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": TIMEOUT_MS.min(limits.timeout_ms_max),
            "cacheNamespace": resource_id, "cacheKeyParameters": [], "responseTransferMode": "BUFFERED",
        }),
    );
    checks::integration(method, &integration, limits)?;
    method.insert("methodIntegration".into(), integration.clone().into());
    Ok(integration)
}

/// Adds what becomes of answers of an integration, in the place of what there was for this status.
pub(super) fn put_response(method: &mut Shape, response: Shape) -> Handled<Shape> {
    integration_of(method)?;
    checks::integration_response(method, &response)?;
    let status = text(&response, "statusCode").to_owned();
    if let Some(Value::Object(integration)) = method.get_mut("methodIntegration") {
        integration.entry("integrationResponses").or_insert(json!({}))[status] = response.clone().into();
    }
    Ok(response)
}

fn integration_of(method: &Shape) -> Handled<&Shape> {
    method.get("methodIntegration").and_then(Value::as_object).ok_or_else(|| no_part("Integration"))
}

fn response_of<'a>(method: &'a Shape, input: &Shape) -> Handled<&'a Shape> {
    let all = integration_of(method)?.get("integrationResponses");
    let response = all.and_then(|all| all.get(text(input, "statusCode"))).and_then(Value::as_object);
    response.ok_or_else(|| no_part("Response"))
}
