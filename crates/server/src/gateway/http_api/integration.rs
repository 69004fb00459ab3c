//! What answers a request of an HTTP API: a function, or a server of the web.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Uri};
use lambda_model::{
    http_api::{
        integration::{function_arn, with_stage_variables},
        mapping,
        variables::Variables,
    },
    http_event::{Context, WebAnswer, WebRequest, answer, encoded_path, version_1, version_2},
};
use serde_json::Value;
use services::apigatewayv2::Shape;
use tokio::time::timeout;

use super::{Refusal, Visit, context, text, texts};
use crate::{
    gateway::{
        Gateway,
        functions::{Called, NotInvoked},
        limits, outgoing,
    },
    http::{HttpResponse, OF_A_CONNECTION},
};

impl Gateway {
    /// The integration's answer.
    pub(super) async fn integrated(&self, mut visit: Visit<'_>) -> Result<HttpResponse, Refusal> {
        let target = visit.route_settings().map_or("", |route| text(route, "Target"));
        let id = target.strip_prefix("integrations/").ok_or(Refusal::Failed)?;
        let stage = visit.stage;
        let integration = stage.snapshot.integrations.get(id).ok_or(Refusal::Failed)?;
        let source_arn = visit.source_arn();
        let sent = visit.web.clone();
        let mappings = texts(integration.get("RequestParameters"));
        if !mappings.is_empty() {
            visit.web = mapping::mapped_request(&mappings, &variables(&visit, &sent, None));
        }
        let began = Instant::now();
        let waits_ms = integration.get("TimeoutInMillis").and_then(Value::as_u64);
        let waits = waits_ms.map_or(limits::INTEGRATION_TIMEOUT, Duration::from_millis);
        // The model knows nothing longer: what waits as long as it can waits as long as the operator lets it.
        let is_longest = waits >= limits::INTEGRATION_TIMEOUT;
        let waits = if is_longest { waits.max(self.integration_timeout) } else { waits };
        let uri = with_stage_variables(text(integration, "IntegrationUri"), |name| {
            visit.stage_variables.get(name).map(String::as_str)
        });
        let answered = match text(integration, "IntegrationType") {
            "AWS_PROXY" => timeout(waits, self.function(&visit, integration, (&uri, &source_arn))).await,
            "HTTP_PROXY" => {
                let path = Some(visit.web.raw_path.as_str()).filter(|path| *path != sent.raw_path);
                timeout(waits, self.server(&visit, integration, (&uri, path))).await
            }
            _ => return Err(Refusal::Failed),
        };
        // What a function still does goes on; nobody hears of it.
        let answer = answered.map_err(|_| Refusal::Unavailable)??;
        context::integrated(&mut visit, answer.status, began.elapsed());
        let mappings =
            texts(integration.get("ResponseParameters").and_then(|all| all.get(answer.status.to_string())));
        Ok(outgoing::response(match mappings.is_empty() {
            true => answer,
            false => mapping::mapped_answer(&mappings, &variables(&visit, &sent, Some(&answer)), &answer),
        }))
    }

    async fn function(
        &self,
        visit: &Visit<'_>,
        integration: &Shape,
        (uri, source_arn): (&str, &str),
    ) -> Result<WebAnswer, Refusal> {
        let arn = function_arn(uri).ok_or(Refusal::Failed)?;
        let is_version_1 = text(integration, "PayloadFormatVersion") == "1.0";
        let event = if is_version_1 { version_1::event } else { version_2::event };
        let event = event(&visit.web, &known(visit));
        let event = event.map_err(|_| Refusal::Failed)?;
        let payload = self
            .returned(arn, event.into(), (source_arn, text(integration, "CredentialsArn")), visit)
            .await?;
        let answer =
            if is_version_1 { answer::of_version_1(&payload) } else { answer::of_version_2(&payload) };
        Ok(answer?)
    }

    /// What a function returns for an event of the API's, which its policy lets in.
    pub(super) async fn returned(
        &self,
        arn: &str,
        event: Bytes,
        (source_arn, role): (&str, &str),
        visit: &Visit<'_>,
    ) -> Result<Bytes, Refusal> {
        let called = Called {
            arn,
            source_arn,
            source_account: &visit.api.account_id,
            trace_id: visit.web.header("x-amzn-trace-id").map(str::to_owned),
            role,
        };
        let asked = self.asked_of_function(called, event).await?;
        let invoked = self.invoker.invoke(asked).await.map_err(NotInvoked::from)?;
        match invoked.outcome.error {
            None => Ok(invoked.outcome.payload),
            Some(_) => Err(Refusal::Failed),
        }
    }

    async fn server(
        &self,
        visit: &Visit<'_>,
        integration: &Shape,
        target: (&str, Option<&str>),
    ) -> Result<WebAnswer, Refusal> {
        let method = text(integration, "IntegrationMethod");
        let request = passed_on(visit, method, target).ok_or(Refusal::Failed)?;
        let answered = self.ways_out.forward(request, limits::INTEGRATION_BODY_BYTES_MAX).await;
        let (parts, body) = match answered {
            Ok(response) => response.into_parts(),
            Err(error) => {
                tracing::info!(%error, "the server behind an API did not answer");
                return Err(Refusal::Unavailable);
            }
        };
        let headers = parts.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(WebAnswer { status: parts.status.as_u16(), headers: headers.collect(), body })
    }
}

/// What mappings may name; the request as the client sent it.
fn variables<'a>(visit: &'a Visit<'_>, sent: &'a WebRequest, answer: Option<&'a WebAnswer>) -> Variables<'a> {
    Variables {
        request: sent,
        path_parameters: &visit.route.parameters,
        stage_variables: &visit.stage_variables,
        context: visit.context,
        answer,
    }
}

/// The request as the server behind the API gets it: at the integration's URI, or at another path of that server that a mapping gave.
fn passed_on(
    visit: &Visit<'_>,
    method: &str,
    (uri, path): (&str, Option<&str>),
) -> Option<Request<Full<Bytes>>> {
    let mut target = uri.to_owned();
    for (name, value) in &visit.route.parameters {
        for placeholder in [format!("{{{name}}}"), format!("{{{name}+}}")] {
            // Encoded, no value can begin a query, or be another placeholder.
            target = target.replace(&placeholder, &encoded_path(value));
        }
    }
    if let Some(path) = path {
        let parsed: Uri = target.parse().ok()?;
        target = format!("{}://{}{}", parsed.scheme_str()?, parsed.authority()?, encoded_path(path));
    }
    if !visit.web.raw_query.is_empty() {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&visit.web.raw_query);
    }
    let method = if method == "ANY" { visit.web.method.as_str() } else { method };
    let mut builder = Request::builder().method(method).uri(target);
    let is_of_connection = |name: &str| name == "content-length" || OF_A_CONNECTION.contains(&name);
    let sent = visit.web.headers.iter().filter(|(name, _)| !is_of_connection(name));
    for (name, value) in sent.filter(|(name, _)| !name.starts_with("x-forwarded-")) {
        builder = builder.header(name, value);
    }
    let domain = visit.web.domain();
    let scheme = visit.web.header("x-forwarded-proto").unwrap_or("http");
    let forwarded = format!("for={};host={domain};proto={scheme}", visit.web.source_ip);
    builder = builder.header("Forwarded", forwarded).header("Via", "HTTP/1.1 AmazonAPIGateway");
    builder.body(Full::from(visit.web.body.clone())).ok()
}

/// What events tell of a request beside what was sent.
pub(super) fn known(visit: &Visit<'_>) -> Context {
    Context {
        account_id: visit.api.account_id.clone(),
        api_id: visit.api.api_id.clone(),
        route_key: visit.route.key.to_owned(),
        stage: visit.stage.name.clone(),
        authorizer: visit.authorizer.clone(),
        path_parameters: visit.route.parameters.clone(),
        stage_variables: visit.stage_variables.clone(),
    }
}
