//! HTTP of the services that speak restJson1, as Lambda does.

use aws_api::{
    error_response::{self, ApiError},
    protocol::rest_json,
};
use hyper::StatusCode;
use services::service::{Answer, AwsService, Payload};

use crate::{
    http::{self, HttpRequest, HttpResponse},
    identity::Caller,
    json_api::{body_error, unknown_operation, with_request_id},
};

/// What requests to services other than Lambda have at most: none takes more.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A service and the paths of its operations.
pub(crate) struct RestJsonApi<S> {
    /// The service.
    pub service: S,
    /// What it calls a request that its model forbids.
    invalid: &'static str,
    routes: rest_json::Router,
}

impl<S: AwsService> RestJsonApi<S> {
    /// The service under the paths of its model.
    pub(crate) fn new(service: S, invalid: &'static str) -> Self {
        let routes = rest_json::Router::new(service.model());
        Self { service, invalid, routes }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest, caller: Caller) -> HttpResponse {
        self.respond(request, caller).await.unwrap_or_else(|error| refuse(&error))
    }

    async fn respond(&self, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
        let model = self.service.model();
        let route = self.routes.route(&request.method, &request.path, &request.query);
        let route = route.ok_or_else(|| ApiError { status: 404, ..unknown_operation() })?;
        let operation = route.operation;
        let context = caller.into_context(&request);
        let body = http::read_body(request.body, BODY_BYTES_MAX).await.map_err(body_error)?;
        let decoded =
            rest_json::decode(model, operation, route.labels, &request.query, &request.headers, body);
        let decoded = decoded.map_err(|error| self.in_own_words(error))?;
        let answer = self.service.handle(operation.index, decoded, context).await.inspect_err(|error| {
            if error.status == 500 {
                tracing::error!(operation = operation.name, message = error.message, "an operation failed");
            }
        })?;
        let output = match answer {
            Answer::Output(output) => output,
            Answer::Payload(Payload { content_type, body }) => {
                return Ok(with_request_id(http::response(StatusCode::OK, content_type, body)));
            }
            Answer::Events(_) => return Err(failed("an answer of events")),
        };
        let response = rest_json::encode(model, operation, &output);
        response
            .map(|response| with_request_id(response.map(http::whole)))
            .map_err(|error| failed(&error.to_string()))
    }

    /// What the codec says in Lambda's words.
    fn in_own_words(&self, error: ApiError) -> ApiError {
        match error.code {
            "InvalidRequestContentException" => ApiError { code: "SerializationException", ..error },
            "ValidationException" => ApiError { code: self.invalid, ..error }.capital_message(),
            _ => error.capital_message(),
        }
    }
}

/// The answer for an error.
pub(crate) fn refuse(error: &ApiError) -> HttpResponse {
    with_request_id(error_response::render(error).map(http::whole))
}

fn failed(why: &str) -> ApiError {
    tracing::error!(why, "an answer was not encoded");
    ApiError::service("InternalServerException", 500, "The request processing has failed.")
}
