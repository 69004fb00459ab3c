//! Operations on APIs themselves.

use lambda_model::http_api::integration::function_arn;
use serde_json::{Value, json};
use store::Transaction;

use super::{
    ApiGatewayV2, Handled, checks,
    error::{bad_request, no_api},
    listing,
    record::{ApiRecord, Shape, api_key, new_id, seconds, taken, text},
};
use crate::{change::ChangeError, service::ServiceContext};

/// How routes of HTTP APIs are chosen: there is no other way.
const HTTP_SELECTION: &str = "$request.method $request.path";
const API_KEY_SELECTION: &str = "$request.header.x-api-key";
/// Characters of an id.
const ID_CHARACTERS: usize = 10;

impl ApiGatewayV2 {
    pub(super) async fn create_api(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let target = taken(&mut input, "Target");
        let (route_key, credentials) = (taken(&mut input, "RouteKey"), input.remove("CredentialsArn"));
        let mut record = new_api(input, context.now_ms)?;
        if !target.is_empty() {
            quick_create(&mut record, &target, &route_key, credentials, context.now_ms)?;
        }
        let shown = shown(&record, context);
        self.put(api_key(context, record.text("ApiId")), record).await?;
        Ok(shown)
    }

    pub(super) async fn get_api(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        Ok(shown(&*self.api(context, text(&input, "ApiId"))?, context))
    }

    pub(super) async fn get_apis(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let records = self.registry.of_account(context.account_id(), &context.region);
        let named =
            records.into_iter().map(|record| (record.text("ApiId").to_owned(), shown(&record, context)));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_api(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let api_id = taken(&mut input, "ApiId");
        for of_quick_create in ["Target", "RouteKey", "CredentialsArn"] {
            input.remove(of_quick_create);
        }
        let record = self.change(context, &api_id, move |record| {
            record.api.extend(input);
            check(record)?;
            Ok(record.clone())
        });
        Ok(shown(&record.await?, context))
    }

    pub(super) async fn delete_api(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        let key = api_key(context, &api_id);
        let missing = no_api(context.account_id(), &api_id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<ApiRecord>(&key)? {
                true => Ok(()),
                false => Err(missing.into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn delete_cors_configuration(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        self.change(context, &api_id, |record| {
            record.api.remove("CorsConfiguration");
            Ok(())
        })
        .await
    }
}

/// An API of what a request says.
pub(super) fn new_api(mut api: Shape, now_ms: i64) -> Handled<ApiRecord> {
    if text(&api, "ProtocolType") == "HTTP" {
        api.entry("RouteSelectionExpression").or_insert(HTTP_SELECTION.into());
    }
    api.entry("ApiKeySelectionExpression").or_insert(API_KEY_SELECTION.into());
    api.entry("DisableExecuteApiEndpoint").or_insert(false.into());
    api.entry("IpAddressType").or_insert("ipv4".into());
    api.insert("ApiId".into(), new_id(ID_CHARACTERS).into());
    api.insert("CreatedDate".into(), seconds(now_ms));
    let record = ApiRecord { api, parts: Default::default(), snapshots: Default::default() };
    check(&record)?;
    Ok(record)
}

fn check(record: &ApiRecord) -> Handled<()> {
    let selection = record.text("RouteSelectionExpression");
    if !record.is_http() {
        return match selection {
            "" => Err(bad_request("RouteSelectionExpression is a required parameter for WEBSOCKET APIs")),
            _ if record.api.contains_key("CorsConfiguration") => {
                Err(bad_request("CORS configuration is supported by HTTP APIs only"))
            }
            _ => Ok(()),
        };
    }
    let is_usual = matches!(selection, HTTP_SELECTION | "${request.method} ${request.path}");
    if !is_usual {
        return Err(bad_request(
            "RouteSelectionExpression of an HTTP API is \"$request.method $request.path\"",
        ));
    }
    cors(record.api.get("CorsConfiguration"))
}

/// Browsers take no asterisk where credentials come along.
fn cors(settings: Option<&Value>) -> Handled<()> {
    let Some(settings) = settings else { return Ok(()) };
    let has_any = |member: &str| {
        let values = settings[member].as_array().into_iter().flatten();
        values.into_iter().any(|value| value == "*")
    };
    if settings["AllowCredentials"] == json!(true) && has_any("AllowOrigins") {
        return Err(bad_request("allowCredentials is not supported with allowOrigins set to *"));
    }
    Ok(())
}

/// An API that needs nothing else: an integration, the route to it, and a stage that deploys automatically.
fn quick_create(
    record: &mut ApiRecord,
    target: &str,
    route_key: &str,
    credentials: Option<Value>,
    now_ms: i64,
) -> Handled<()> {
    if !record.is_http() {
        return Err(bad_request("Quick create is supported by HTTP APIs only"));
    }
    let (integration_id, route_id) = (new_id(7), new_id(7));
    let described = match function_arn(target) {
        Some(_) => json!({"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0"}),
        None => json!({"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY"}),
    };
    let mut integration = match described {
        Value::Object(members) => members,
        _ => Shape::new(),
    };
    integration.insert("IntegrationId".into(), integration_id.clone().into());
    integration.insert("IntegrationUri".into(), target.into());
    integration.insert("ApiGatewayManaged".into(), true.into());
    integration.extend(credentials.map(|arn| ("CredentialsArn".to_owned(), arn)));
    checks::integration(record, &mut integration)?;
    record.of_mut("Integration").insert(integration_id.clone(), integration);
    let mut route = Shape::new();
    let key = if route_key.is_empty() { "$default" } else { route_key };
    route.insert("RouteId".into(), route_id.clone().into());
    route.insert("RouteKey".into(), key.into());
    route.insert("Target".into(), format!("integrations/{integration_id}").into());
    route.insert("ApiGatewayManaged".into(), true.into());
    checks::route(record, &mut route)?;
    record.of_mut("Route").insert(route_id, route);
    let mut stage = Shape::new();
    stage.insert("ApiGatewayManaged".into(), true.into());
    stage.insert("AutoDeploy".into(), true.into());
    super::stages::complete(record.is_http(), "$default", &mut stage, now_ms);
    record.of_mut("Stage").insert("$default".into(), stage);
    record.deploy_automatically(now_ms);
    Ok(())
}

/// An API as the caller sees it: its address is this server's, under a name that tells which API.
pub(super) fn shown(record: &ApiRecord, context: &ServiceContext) -> Shape {
    let mut api = record.api.clone();
    let (scheme, host) = context.endpoint.split_once("://").unwrap_or(("http", ""));
    let port = host.rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    let scheme = match (record.is_http(), scheme) {
        (true, scheme) => scheme,
        (false, "https") => "wss",
        (false, _) => "ws",
    };
    let (id, region) = (record.text("ApiId"), &context.region);
    api.insert("ApiEndpoint".into(), format!("{scheme}://{id}.execute-api.{region}.localhost{port}").into());
    api.entry("Tags").or_insert(json!({}));
    api
}
