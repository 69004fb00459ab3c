//! HTTP of the services that speak AWS's JSON protocol.

use aws_api::{
    error_response::ApiError,
    protocol::{
        aws_json::{self, Dialect},
        event_stream, query_compatible,
    },
    request_id,
};
use futures_util::StreamExt;
use hyper::{StatusCode, header::HeaderValue};
use services::service::{Answer, AwsService, EventStream, Payload};

use crate::{
    http::{self, BodyError, HttpRequest, HttpResponse},
    identity::Caller,
};

/// Room for the largest batch of items of DynamoDB, 16 MB, and for the largest of log events, each character escaped.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Answers one request to `service`.
pub(crate) async fn answer(
    service: &impl AwsService,
    dialect: &aws_json::Dialect,
    request: HttpRequest,
    caller: Caller,
) -> HttpResponse {
    let answered = respond(service, dialect, request, caller).await;
    let error = match answered {
        Ok(response) => return with_request_id(response),
        Err(error) => error,
    };
    let mut response = refuse(&error, dialect);
    if let Some(code) = dialect.query_code {
        let fault = if error.fault == "User" { "Sender" } else { "Receiver" };
        if let Ok(value) = HeaderValue::from_str(&format!("{};{fault}", code(error.code))) {
            response.headers_mut().insert(query_compatible::ERROR_HEADER, value);
        }
    }
    response
}

/// The answer for an error.
pub(crate) fn refuse(error: &ApiError, dialect: &Dialect) -> HttpResponse {
    let Dialect { content_type, namespace, .. } = dialect;
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        with_request_id(http::response(status, content_type, aws_json::encode_error(error, namespace)));
    if let Ok(value) = HeaderValue::from_str(&format!("{namespace}{}", error.code)) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

/// The events as they come, until there are no more or nobody reads them.
fn stream(mut events: EventStream) -> HttpResponse {
    let (sender, response) = http::response_in_pieces(event_stream::CONTENT_TYPE);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if sender.send(event).await.is_err() {
                return;
            }
        }
    });
    response
}

/// The answer under a request id of its own.
pub(crate) fn with_request_id(mut response: HttpResponse) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(&request_id::new()) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

async fn respond(
    service: &impl AwsService,
    dialect: &aws_json::Dialect,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let target = request.header(aws_json::TARGET).unwrap_or_default().to_owned();
    let operation = aws_json::operation(service.model(), &target).ok_or_else(unknown_operation)?;
    let context = caller.into_context(&request);
    let body = http::read_body(request.body, BODY_BYTES_MAX).await.map_err(body_error)?;
    let decoded = aws_json::decode(service.model(), operation, &body, dialect.invalid)?;
    let answer = service.handle(operation.index, decoded, context).await.inspect_err(|error| {
        if error.status == 500 {
            tracing::error!(operation = operation.name, message = error.message, "an operation failed");
        }
    })?;
    let output = match answer {
        Answer::Output(output) => output,
        Answer::Events(events) => return Ok(stream(events)),
        Answer::Payload(Payload { content_type, body, .. }) => {
            return Ok(http::response(StatusCode::OK, content_type, body));
        }
    };
    let body = aws_json::encode(&output).map_err(|error| {
        tracing::error!(%error, operation = operation.name, "an answer was not encoded");
        ApiError::service(
            "InternalFailure",
            500,
            "The request processing has failed because of an unknown error.",
        )
    })?;
    Ok(http::response(StatusCode::OK, dialect.content_type, body))
}

/// The error for what the service has no operation for.
pub(crate) fn unknown_operation() -> ApiError {
    ApiError::user(
        "UnknownOperationException",
        400,
        "The requested operation is not recognized by the service.",
    )
}

/// The error for a body that cannot be read.
pub(crate) fn body_error(error: BodyError) -> ApiError {
    match error {
        BodyError::TooLarge => {
            ApiError::user("RequestEntityTooLargeException", 413, "Request size is too large")
        }
        BodyError::Broken => ApiError::user("SerializationException", 400, "The request body ended early."),
    }
}
