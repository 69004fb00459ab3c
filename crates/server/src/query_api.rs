//! HTTP of the services that speak the query protocol: a form in, XML out.

use aws_api::{error_response::ApiError, protocol::query, request_id};
use hyper::{Method, StatusCode};
use lambda_model::error::with_causes;
use services::service::{Answer, AwsService};

use crate::{
    http::{self, BodyError, HttpRequest, HttpResponse},
    identity::Caller,
};

/// Room for the largest batch of SQS, each character escaped.
const FORM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Answers one request to `service`.
pub(crate) async fn answer(service: &impl AwsService, request: HttpRequest, caller: Caller) -> HttpResponse {
    let request_id = request_id::new();
    let dialect = service.query_dialect();
    let (status, xml) = match respond(service, request, caller, &request_id).await {
        Ok(xml) => (StatusCode::OK, xml),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, query::encode_error(&dialect, &error, &request_id))
        }
    };
    let mut response = http::response(status, query::CONTENT_TYPE, xml);
    if let Ok(value) = hyper::header::HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

async fn respond(
    service: &impl AwsService,
    request: HttpRequest,
    caller: Caller,
    request_id: &str,
) -> Result<String, ApiError> {
    let (model, dialect) = (service.model(), service.query_dialect());
    let path = request.path.clone();
    let context = caller.into_context(&request);
    let mut form = match request.method {
        Method::GET => query::Form::parse(request.query.as_bytes()),
        _ => {
            let body = http::read_body(request.body, FORM_BYTES_MAX).await.map_err(body_error)?;
            let mut form = query::Form::parse(&body);
            // What is sent may be in both.
            form.supply_all(query::Form::parse(request.query.as_bytes()));
            form
        }
    };
    // SQS is also asked at the queue's own URL.
    if path.len() > 1 {
        form.supply("QueueUrl", || path);
    }
    let operation = query::operation(model, &form).ok_or_else(|| unknown_action(&form))?;
    let decoded = query::decode(model, &dialect, operation, &form)?;
    let answer = service.handle(operation.index, decoded, context).await;
    let answer = answer.inspect_err(|error| {
        if error.status == 500 {
            tracing::error!(operation = operation.name, message = error.message, "an operation failed");
        }
    })?;
    let Answer::Output(output) = answer else {
        return Err(ApiError::service("InternalFailure", 500, "This protocol has no event streams."));
    };
    query::encode(model, &dialect, operation, &output, request_id).map_err(|error| {
        tracing::error!(error = with_causes(&error), operation = operation.name, "an answer was not encoded");
        ApiError::service(
            "InternalFailure",
            500,
            "The request processing has failed because of an unknown error.",
        )
    })
}

/// In the words of AWS's query front end.
fn unknown_action(form: &query::Form) -> ApiError {
    match (form.get("Action"), form.get("Version")) {
        (Some(action), Some(version)) => ApiError::user(
            "InvalidAction",
            400,
            format!("Could not find operation {action} for version {version}"),
        ),
        (Some(action), None) => ApiError::user(
            "InvalidAction",
            400,
            format!("Could not find operation {action} for version NO_VERSION_SPECIFIED"),
        ),
        (None, _) => ApiError::user("MissingAction", 400, "The request is missing an action parameter."),
    }
}

fn body_error(error: BodyError) -> ApiError {
    match error {
        BodyError::TooLarge => ApiError::user("RequestEntityTooLarge", 413, "Request size is too large"),
        BodyError::Broken => ApiError::user("MalformedInput", 400, "The request body ended early."),
    }
}
