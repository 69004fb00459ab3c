//! HTTP of the services that speak restJson1, as Lambda does.

use aws_api::{
    error_response::{self, ApiError},
    protocol::rest_json,
};
use hyper::{
    StatusCode,
    header::{CONTENT_DISPOSITION, HeaderValue},
};
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
    /// Whether such an error names the operation's input before a member.
    names_inputs: bool,
    routes: rest_json::Router,
}

impl<S: AwsService> RestJsonApi<S> {
    /// The service under the paths of its model.
    pub(crate) fn new(service: S, invalid: &'static str) -> Self {
        let routes = rest_json::Router::new(service.model());
        Self { service, invalid, names_inputs: false, routes }
    }

    /// The same, as some services say what is wrong: `Value 'x' at 'createThingInput.member'`.
    pub(crate) fn naming_inputs(self) -> Self {
        Self { names_inputs: true, ..self }
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
        let decoded = decoded.map_err(|error| self.in_own_words(error, operation.name))?;
        let answer = self.service.handle(operation.index, decoded, context).await.inspect_err(|error| {
            if error.status == 500 {
                tracing::error!(operation = operation.name, message = error.message, "an operation failed");
            }
        })?;
        let output = match answer {
            Answer::Output(output) => output,
            Answer::Payload(payload) => return Ok(with_request_id(whole(payload))),
            Answer::Events(_) => return Err(failed("an answer of events")),
        };
        let response = rest_json::encode(model, operation, &output);
        response
            .map(|response| with_request_id(response.map(http::whole)))
            .map_err(|error| failed(&error.to_string()))
    }

    /// What the codec says in Lambda's words.
    fn in_own_words(&self, mut error: ApiError, operation: &str) -> ApiError {
        if self.names_inputs && error.code == "ValidationException" {
            let (first, rest) = operation.split_at(1);
            let input = format!(" at '{}{rest}Input.", first.to_lowercase());
            error.message = error.message.replace(" at '", &input);
        }
        match error.code {
            "InvalidRequestContentException" => ApiError { code: "SerializationException", ..error },
            "ValidationException" => ApiError { code: self.invalid, ..error }.capital_message(),
            _ => error.capital_message(),
        }
    }
}

fn whole(Payload { content_type, body, disposition }: Payload) -> HttpResponse {
    let mut response = http::response(StatusCode::OK, content_type, body);
    if let Some(Ok(disposition)) = disposition.map(HeaderValue::try_from) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The answer for an error.
pub(crate) fn refuse(error: &ApiError) -> HttpResponse {
    with_request_id(error_response::render(error).map(http::whole))
}

fn failed(why: &str) -> ApiError {
    tracing::error!(why, "an answer was not encoded");
    ApiError::service("InternalServerException", 500, "The request processing has failed.")
}
