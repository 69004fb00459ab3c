//! What answers a message: a function, a service, a server of the web, or nobody.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use lambda_model::{
    http_api::integration::{function_arn, with_stage_variables},
    http_event::{WebAnswer, rest},
    vtl::{Input, Map, Scope, Template, Value as TemplateValue},
    websocket::{self, CONNECT},
};
use regex::Regex;
use serde_json::Value;
use services::apigatewayv2::Shape;
use tokio::time::timeout;

use super::{
    routes::{Asked, Failure, Sent},
    text,
};
use crate::{
    clock,
    gateway::{Gateway, functions::Called, limits, service_calls::ServiceCall},
};

/// An answer, and what decides which integration response it takes.
struct Answered {
    answer: WebAnswer,
    named: String,
}

impl Gateway {
    /// The integration's answer.
    pub(super) async fn integrated_at(
        &self,
        asked: Asked<'_>,
        route: &Shape,
        integration: &Shape,
        sent: &Sent<'_>,
    ) -> Result<WebAnswer, Failure> {
        let waits_ms = integration.get("TimeoutInMillis").and_then(Value::as_u64);
        let waits = waits_ms.map_or(limits::REST_INTEGRATION_TIMEOUT, Duration::from_millis);
        let key = text(route, "RouteKey");
        let context =
            websocket::context(asked.connection, &sent.happened, key, (&sent.request_id, clock::unix_ms()));
        let variables = asked.stage_variables();
        let uri = with_stage_variables(text(integration, "IntegrationUri"), |name| {
            variables.get(name).map(String::as_str)
        });
        let answered = async {
            match text(integration, "IntegrationType") {
                "AWS_PROXY" => self.function_at(asked, key, (&uri, integration), (sent, context)).await,
                "HTTP_PROXY" => {
                    let body = sent.body.map(|(body, _)| body).unwrap_or_default().to_owned();
                    self.server_at(integration, &uri, body.into()).await
                }
                kind => {
                    let scope = scope(asked, sent.body.map_or("", |(body, _)| body), &context);
                    let body = mapped(asked, integration, sent, scope)?;
                    let answered = match kind {
                        "MOCK" => mocked(&body)?,
                        "HTTP" => {
                            let answer = self.server_at(integration, &uri, body).await?;
                            Answered { named: answer.status.to_string(), answer }
                        }
                        "AWS" => self.service_at(asked, key, (&uri, integration), body).await?,
                        _ => return Err(Failure::Configuration),
                    };
                    responded(asked, integration, answered, &context)
                }
            }
        };
        timeout(waits, answered).await.unwrap_or(Err(Failure::Failed))
    }

    async fn function_at(
        &self,
        asked: Asked<'_>,
        key: &str,
        (uri, integration): (&str, &Shape),
        (sent, context): (&Sent<'_>, Value),
    ) -> Result<WebAnswer, Failure> {
        let arn = function_arn(uri).ok_or(Failure::Configuration)?;
        let variables = asked.stage_variables();
        let told = websocket::Sent {
            headers: sent.headers,
            query: sent.query,
            stage_variables: &variables,
            body: sent.body,
        };
        let event = websocket::event(context, told).to_string();
        let role = text(integration, "CredentialsArn");
        let called = Called {
            arn,
            source_arn: &asked.arn_of(key),
            source_account: &asked.api.account_id,
            trace_id: None,
            role,
        };
        let asked_function = self.asked_of_function(called, event.into()).await?;
        let invoked = self.invoker.invoke(asked_function).await.map_err(|_| Failure::Failed)?;
        if invoked.outcome.error.is_some() {
            return Err(Failure::Failed);
        }
        let payload = invoked.outcome.payload;
        if key == CONNECT {
            let status = websocket::handshake_status(&payload).ok_or(Failure::Failed)?;
            let headers = rest::answer(&payload, false).map(|answer| answer.headers).unwrap_or_default();
            return Ok(WebAnswer { status, headers, body: Bytes::new() });
        }
        // What is no answer of a proxy says nothing, and is no failure.
        let silent = WebAnswer { status: 200, headers: Vec::new(), body: Bytes::new() };
        Ok(rest::answer(&payload, true).unwrap_or(silent))
    }

    async fn server_at(&self, integration: &Shape, uri: &str, body: Bytes) -> Result<WebAnswer, Failure> {
        let method = text(integration, "IntegrationMethod");
        let request = Request::builder()
            .method(if method.is_empty() || method == "ANY" { "POST" } else { method })
            .uri(uri)
            .header("content-type", "application/json")
            .body(Full::from(body));
        let request = request.map_err(|_| Failure::Configuration)?;
        let answered = self.ways_out.forward(request, limits::INTEGRATION_BODY_BYTES_MAX).await;
        let (parts, body) = answered.map_err(|_| Failure::Failed)?.into_parts();
        Ok(WebAnswer { status: parts.status.as_u16(), headers: Vec::new(), body })
    }

    async fn service_at(
        &self,
        asked: Asked<'_>,
        key: &str,
        (uri, integration): (&str, &Shape),
        body: Bytes,
    ) -> Result<Answered, Failure> {
        let role = text(integration, "CredentialsArn");
        let function = function_arn(uri);
        if let Some(arn) = function
            && !self.may_invoke(role, arn, (&asked.arn_of(key), &asked.api.account_id)).await
        {
            return Err(Failure::Configuration);
        }
        let method = text(integration, "IntegrationMethod");
        let call = ServiceCall {
            uri,
            method: if function.is_some() || method.is_empty() { "POST" } else { method },
            path: &[],
            query: Vec::new(),
            headers: Vec::new(),
            content_type: "application/json",
            body,
            role,
            account_id: &asked.api.account_id,
        };
        let answer = self.ask_service(call).await.map_err(|_| Failure::Failed)?;
        Ok(Answered { named: answer.status.to_string(), answer })
    }
}

/// What a template may name.
fn scope(asked: Asked<'_>, body: &str, context: &Value) -> Scope {
    let mut scope = Scope::new(Input::new(body, [Map::new(), Map::new(), Map::new()]));
    scope.set("context", context.clone().into());
    let variables = asked.stage_variables().into_iter();
    let variables = variables.map(|(name, value)| (name, TemplateValue::text(value))).collect();
    scope.set("stageVariables", TemplateValue::map(variables));
    scope
}

/// The body that an integration gets: what the selected template makes of the message.
fn mapped(asked: Asked<'_>, integration: &Shape, sent: &Sent<'_>, scope: Scope) -> Result<Bytes, Failure> {
    let body = sent.body.map_or("", |(body, _)| body);
    let expression = text(integration, "TemplateSelectionExpression");
    let selected = asked.selected(expression, body, &Value::Null);
    match template(integration.get("RequestTemplates"), selected.as_deref()) {
        Some(template) => rendered(template, scope),
        None if text(integration, "PassthroughBehavior") == "NEVER" => Err(Failure::Configuration),
        None => Ok(Bytes::copy_from_slice(body.as_bytes())),
    }
}

/// The template of a key, or that for all others.
fn template<'a>(templates: Option<&'a Value>, key: Option<&str>) -> Option<&'a str> {
    let templates = templates?.as_object()?;
    let found = key.and_then(|key| templates.get(key)).or_else(|| templates.get("$default"));
    found.or_else(|| templates.values().next().filter(|_| templates.len() == 1))?.as_str()
}

fn rendered(template: &str, mut scope: Scope) -> Result<Bytes, Failure> {
    let template = Template::parse(template).map_err(|_| Failure::Configuration)?;
    template.render(&mut scope).map(Bytes::from).map_err(|error| {
        tracing::info!(%error, "a template of a WebSocket API cannot be rendered");
        Failure::Configuration
    })
}

fn mocked(body: &[u8]) -> Result<Answered, Failure> {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let status = document["statusCode"].as_u64().and_then(|it| u16::try_from(it).ok()).unwrap_or(200);
    let answer = WebAnswer { status, headers: Vec::new(), body: Bytes::new() };
    Ok(Answered { named: status.to_string(), answer })
}

/// The answer in the form of the integration response that is for it; without any, as it came.
fn responded(
    asked: Asked<'_>,
    integration: &Shape,
    answered: Answered,
    context: &Value,
) -> Result<WebAnswer, Failure> {
    let Answered { answer, named } = answered;
    let id = text(integration, "IntegrationId");
    let all: Vec<&Shape> = asked
        .stage
        .snapshot
        .responses
        .values()
        .filter(|it| text(it, "IntegrationId") == id && it.contains_key("IntegrationResponseKey"))
        .collect();
    if all.is_empty() {
        return Ok(answer);
    }
    let is_for = |it: &&&Shape| {
        let key = text(it, "IntegrationResponseKey");
        let pattern = key.strip_prefix('/').and_then(|key| key.strip_suffix('/'));
        pattern.is_some_and(|pattern| {
            Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|it| it.is_match(&named))
        })
    };
    let usual = |it: &&&Shape| text(it, "IntegrationResponseKey") == "$default";
    let response =
        all.iter().find(is_for).or_else(|| all.iter().find(usual)).ok_or(Failure::Configuration)?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let selected = asked.selected(text(response, "TemplateSelectionExpression"), &body, context);
    let body = match template(response.get("ResponseTemplates"), selected.as_deref()) {
        Some(template) => rendered(template, scope(asked, &body, context))?,
        None => answer.body,
    };
    Ok(WebAnswer { body, ..answer })
}
