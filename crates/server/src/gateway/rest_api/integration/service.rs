//! Services of AWS behind a REST API, and functions that get what a template makes of a request.

use lambda_model::{http_api::integration::function_arn, http_event::WebAnswer};
use serde_json::Value;
use services::apigateway::Integration;

use super::Answered;
use crate::gateway::{
    Gateway,
    rest_api::{Visit, mapping::Mapped, refusal::Refusal, text},
    service_calls::ServiceCall,
};

impl Gateway {
    /// The answer of a service.
    pub(super) async fn service(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
        mapped: Mapped,
    ) -> Result<Answered, Refusal> {
        let role = text(&integration.shape, "credentials");
        let function = function_arn(uri);
        if let Some(arn) = function
            && !self.may_invoke(role, arn, (&visit.source_arn(), visit.api.account_id)).await
        {
            return Err(Refusal::configuration("the function's policy does not let the API invoke it"));
        }
        let sent = String::from_utf8_lossy(&mapped.body).into_owned();
        visit.known.note_data(|| format!("Endpoint request body after transformations: {sent}"));
        let method = match (function, text(&integration.shape, "httpMethod")) {
            (Some(_), _) => "POST",
            (None, "ANY") => visit.web.method.as_str(),
            (None, method) => method,
        };
        let call = ServiceCall {
            uri,
            method,
            path: &mapped.path,
            query: mapped.query,
            headers: mapped.headers,
            content_type: visit.web.header("content-type").unwrap_or("application/json"),
            body: mapped.body,
            role,
            account_id: visit.api.account_id,
        };
        let answer = self.ask_service(call).await.map_err(Refusal::configuration)?;
        let got = String::from_utf8_lossy(&answer.body).into_owned();
        visit.known.note_data(|| format!("Endpoint response body before transformations: {got}"));
        match function {
            Some(_) => of_function(answer),
            None => Ok(Answered { named: answer.status.to_string(), answer }),
        }
    }
}

/// What a function returned, or the error that it failed with; what kept it from running is the API's own fault.
fn of_function(answer: WebAnswer) -> Result<Answered, Refusal> {
    let has_failed = answer.headers.iter().any(|(name, _)| name == "x-amz-function-error");
    if has_failed {
        let failure: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let named = failure["errorMessage"].as_str().unwrap_or("null").to_owned();
        return Ok(Answered { named, answer });
    }
    match (200..300).contains(&answer.status) {
        true => Ok(Answered { named: String::new(), answer }),
        false => Err(Refusal::configuration("a function could not be invoked")),
    }
}
