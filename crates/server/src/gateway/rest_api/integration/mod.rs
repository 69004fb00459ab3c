//! What answers a request of a REST API.
//!
//! ```text
//! AWS_PROXY   event ──► function ──► its answer                     (STREAM: as it comes)
//! HTTP_PROXY  request ──► server of the web ──► its answer          (STREAM: as it comes)
//! AWS, HTTP, MOCK   request in another form ──► service, server, nobody ──► by status or error: answer in another form
//! ```

mod function;
mod mock;
mod service;
mod web;

use std::time::{Duration, Instant};

use lambda_model::{
    http_api::integration::with_stage_variables,
    http_event::{WebAnswer, rest::RestRequest},
};
use serde_json::Value;
use services::apigateway::Integration;
use tokio::time::timeout;

use super::{
    Visit, context, mapping,
    refusal::{Kind, Refusal},
    text,
};
use crate::{
    gateway::{Gateway, limits, outgoing},
    http::HttpResponse,
};

/// An integration's answer, before it is put into another form.
struct Answered {
    answer: WebAnswer,
    /// What decides which response it gets: its status, or the message of an error.
    named: String,
}

impl Gateway {
    /// The integration's answer.
    pub(super) async fn at_integration(&self, visit: &mut Visit<'_>) -> Result<HttpResponse, Refusal> {
        let method = visit.method;
        let integration = method.integration.as_ref();
        let integration = integration.ok_or_else(|| Refusal::configuration("a method has no integration"))?;
        let waits_ms = integration.shape.get("timeoutInMillis").and_then(Value::as_u64);
        let waits = waits_ms.map_or(limits::REST_INTEGRATION_TIMEOUT, Duration::from_millis);
        let began = Instant::now();
        // What a function still does goes on; nobody hears of it.
        let answered = timeout(waits, self.asked_at(visit, integration, began)).await;
        answered.unwrap_or_else(|_| Err(Refusal::of(Kind::IntegrationTimeout)))
    }

    async fn asked_at(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        began: Instant,
    ) -> Result<HttpResponse, Refusal> {
        let is_stream = text(&integration.shape, "responseTransferMode") == "STREAM";
        let uri = uri(visit, integration);
        match text(&integration.shape, "type") {
            "AWS_PROXY" if is_stream => self.streaming_function(visit, integration, &uri).await,
            "AWS_PROXY" => {
                let answer = self.proxied_function(visit, integration, &uri).await?;
                note(visit, answer.status, began);
                Ok(outgoing::response(answer))
            }
            "HTTP_PROXY" => {
                let response = self.proxied(visit, integration, &uri, is_stream).await?;
                note(visit, response.status().as_u16(), began);
                Ok(response)
            }
            kind => {
                let mut mapped = mapping::request(visit, integration, &context::of(visit))?;
                let before = std::mem::take(&mut mapped.overrides);
                let answered = match kind {
                    "MOCK" => mock::answered(&mapped)?,
                    "HTTP" => self.web(visit, integration, &uri, mapped).await?,
                    _ => self.service(visit, integration, &uri, mapped).await?,
                };
                note(visit, answered.answer.status, began);
                let response = integration.response_for(&answered.named);
                let response = response.ok_or_else(|| {
                    Refusal::configuration("no integration response is for what the integration answered")
                })?;
                Ok(outgoing::response(mapping::answer(visit, response, &answered.answer, before)?))
            }
        }
    }
}

fn note(visit: &mut Visit<'_>, status: u16, began: Instant) {
    visit.known.integration = Some((status, began.elapsed()));
    visit.known.note(|| {
        format!(
            "Received response. Status: {status}, Integration latency: {} ms",
            began.elapsed().as_millis()
        )
    });
}

fn uri(visit: &Visit<'_>, integration: &Integration) -> String {
    with_stage_variables(text(&integration.shape, "uri"), |name| {
        visit.stage_variables.get(name).map(String::as_str)
    })
}

/// What an event tells of a request.
pub(super) fn described<'a>(
    visit: &'a Visit<'_>,
    context: &'a Value,
    path: &'a str,
    headers: &'a [(String, String)],
) -> RestRequest<'a> {
    RestRequest {
        resource: &visit.method.resource_path,
        path,
        method: &visit.web.method,
        headers,
        query: &visit.query,
        path_parameters: &visit.parameters,
        stage_variables: &visit.stage_variables,
        context,
    }
}
