//! Functions that get the whole request as an event.

use bytes::Bytes;
use invocation::InvokeRequest;
use lambda_model::{
    http_api::integration::function_arn,
    http_event::{WebAnswer, decoded_path, rest},
    rest_api::media,
};
use services::apigateway::Integration;

use super::described;
use crate::{
    gateway::{
        Gateway,
        functions::{Called, NotInvoked},
        rest_api::{
            Visit, context, mapping,
            refusal::{Kind, Refusal},
            text,
        },
        streaming::{self, NoStream},
    },
    http::HttpResponse,
};

impl Gateway {
    /// What the function returns, as an answer.
    pub(super) async fn proxied_function(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
    ) -> Result<WebAnswer, Refusal> {
        let asked = self.event_for(visit, integration, uri).await?;
        let outcome = self.invoker.invoke(asked).await.map_err(NotInvoked::from)?.outcome;
        visit.known.note_data(|| {
            format!(
                "Endpoint response body before transformations: {}",
                String::from_utf8_lossy(&outcome.payload)
            )
        });
        if outcome.error.is_some() {
            return Err(Refusal::of(Kind::BadGateway));
        }
        let accept = visit.web.header("accept");
        Ok(rest::answer(&outcome.payload, media::is_binary(&visit.stage.deployed.binary, accept))?)
    }

    /// What the function sends, as it comes.
    pub(super) async fn streaming_function(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
    ) -> Result<HttpResponse, Refusal> {
        let asked = self.event_for(visit, integration, uri).await?;
        let accept = visit.web.header("accept");
        let is_binary = media::is_binary(&visit.stage.deployed.binary, accept);
        let whole = |payload: &Bytes| rest::answer(payload, is_binary);
        streaming::answered(&self.invoker, asked, whole).await.map_err(|why| match why {
            NoStream::NotInvoked(error) => NotInvoked::from(error).into(),
            NoStream::Failed => Refusal::of(Kind::BadGateway),
            NoStream::Malformed(why) => why.into(),
        })
    }

    async fn event_for(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
    ) -> Result<InvokeRequest, Refusal> {
        let arn =
            function_arn(uri).ok_or_else(|| Refusal::configuration("an integration names no function"))?;
        let known = context::of(visit);
        let mapped = mapping::request(visit, integration, &known)?;
        let mut headers = visit.web.headers.clone();
        for (name, value) in mapped.headers {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        let path = decoded_path(&visit.shown);
        let content_type = visit.web.header("content-type");
        let is_binary = media::is_binary(&visit.stage.deployed.binary, content_type)
            && !visit.stage.deployed.binary.is_empty();
        let event = rest::event(described(visit, &known, &path, &headers), &mapped.body, is_binary);
        let event = event.map_err(|_| Refusal::configuration("there is no event"))?;
        visit.known.note_data(|| {
            format!("Endpoint request body after transformations: {}", String::from_utf8_lossy(&event))
        });
        let role = text(&integration.shape, "credentials");
        let called = Called {
            arn,
            source_arn: &visit.source_arn(),
            source_account: visit.api.account_id,
            trace_id: visit.web.header("x-amzn-trace-id").map(str::to_owned),
            role,
        };
        Ok(self.asked_of_function(called, event.into()).await?)
    }
}
