//! The Lambda API: decode, do, encode. One file per group of operations; what is common to all of them is here.
//!
//! Which handler answers which operation is the table in [`operations`]. A handler gets its decoded input and the caller, changes the store, and returns the output of the model. What follows from the
//! change is [`crate::deployment`]'s business.
//! An operation without a handler answers `NotImplemented`.

mod account_settings;
mod aliases;
mod concurrency;
pub(crate) mod errors;
mod event_invoke_configs;
mod event_source_mappings;
mod function_urls;
mod functions;
mod invoke;
mod invoke_with_response_stream;
mod layer_permissions;
mod layers;
mod located;
mod operations;
mod paging;
mod payload;
mod permissions;
mod provisioned_concurrency;
mod render;
mod small_configurations;
mod tags;
mod target;
mod versions;

use std::sync::Arc;

use aws_api::{
    error_response::ApiError,
    generated::lambda::operations::{MODEL, Operation},
    protocol::rest_json,
    request_id,
};
use execution::runtimes::HostRuntimes;
use invocation::{AsyncInvoker, Invoker};
use lambda_model::{
    LambdaError,
    credentials::ExecutionRoles,
    limits,
    ports::{CodeObjects, ExecutionEnvironments},
};
use store::Store;

use crate::{
    catalog::Catalog,
    event_source_mappings::{EventSourceMappings, QueueSource, RabbitBrokers, StreamSources},
    http::{self, BodyError, HttpRequest, HttpResponse},
    identity::Caller,
    signed_path::PathSigner,
    watches::Watches,
};

/// Names a request: ours, or the caller's own, which must be a UUID (I-04).
const REQUEST_ID: &str = "x-amzn-requestid";

/// Handles Lambda's operations.
pub(crate) struct LambdaApi {
    /// Finds operations.
    pub routes: rest_json::Router,
    /// Durable state.
    pub store: Store,
    /// The same functions in memory.
    pub catalog: Arc<Catalog>,
    /// Runs invocations.
    pub invoker: Arc<Invoker>,
    /// Keeps events and runs them later.
    pub async_invoker: Arc<AsyncInvoker>,
    /// Where invocations run.
    pub environments: Arc<dyn ExecutionEnvironments>,
    /// Signs and checks download paths.
    pub signer: PathSigner,
    /// Concurrency that GetAccountSettings shows.
    pub account_concurrency_max: u32,
    /// `x86_64` or `arm64`: what functions run on here.
    pub host_architecture: &'static str,
    /// Whether a function for another architecture is kept all the same.
    pub allow_foreign_architecture: bool,
    /// Whether settings without an effect here are kept.
    pub accept_inert_settings: bool,
    /// Knows the runtimes of this host.
    pub runtimes: Arc<HostRuntimes>,
    /// Folders that somebody edits.
    pub watches: Arc<Watches>,
    /// Reads code from S3.
    pub objects: Arc<dyn CodeObjects>,
    /// Event source mappings that read.
    pub mappings: Arc<EventSourceMappings>,
    /// The queues that mappings may read.
    pub queue_source: Arc<dyn QueueSource>,
    /// The streams that mappings may read.
    pub streams: Arc<StreamSources>,
    /// The brokers that mappings may read.
    pub rabbits: Arc<RabbitBrokers>,
    /// Knows execution roles.
    pub roles: Arc<dyn ExecutionRoles>,
}

/// What every handler needs of a request beside its input.
struct RequestContext {
    caller: Caller,
    /// `http://host:port`, or `https`, as the caller addressed this server.
    base_url: String,
    headers: hyper::HeaderMap,
}

impl RequestContext {
    /// `http` or `https`, as the caller addressed this server.
    fn scheme(&self) -> &str {
        self.base_url.split_once("://").map_or("http", |(scheme, _)| scheme)
    }

    /// The port as the caller addressed this server; `None` where it is HTTP's own.
    fn port(&self) -> Option<&str> {
        let port = self.base_url.rsplit_once(':')?.1;
        port.bytes().all(|byte| byte.is_ascii_digit()).then_some(port)
    }
}

impl LambdaApi {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest, caller: Caller) -> HttpResponse {
        let given = request.header(REQUEST_ID).map(str::to_owned);
        let is_usable = given.as_deref().is_none_or(request_id::is_valid);
        let request_id = match given {
            Some(given) if is_usable => given,
            _ => request_id::new(),
        };
        let answered = if is_usable {
            self.dispatch(request, caller, &request_id).await
        } else {
            Err(errors::bad_request_id())
        };
        let mut response = answered.unwrap_or_else(|error| errors::render(&error));
        if let Ok(value) = hyper::header::HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    async fn dispatch(
        &self,
        request: HttpRequest,
        caller: Caller,
        request_id: &str,
    ) -> Result<HttpResponse, ApiError> {
        let route = self.routes.route(&request.method, &request.path, &request.query);
        let route = route.ok_or_else(errors::unknown_operation)?;
        let operation =
            Operation::ALL.get(route.operation.index).copied().ok_or_else(errors::unknown_operation)?;
        let context = RequestContext { caller, base_url: base_url(&request), headers: request.headers };
        let body = http::read_body(request.body, body_bytes_max(operation))
            .await
            .map_err(|error| body_error(error, operation))?;
        let decoded =
            rest_json::decode(&MODEL, route.operation, route.labels, &request.query, &context.headers, body)?;
        self.run(operation, decoded, context, request_id).await
    }

    fn answer<T: serde::Serialize>(
        &self,
        operation: Operation,
        output: Result<T, LambdaError>,
    ) -> Result<HttpResponse, ApiError> {
        let output = output.map_err(|error| errors::to_api_error(&error))?;
        let response = rest_json::encode(&MODEL, operation.schema(), &output);
        response.map(|response| response.map(http::whole)).map_err(|error| {
            errors::to_api_error(&LambdaError::Service(format!("answer not encoded: {error}")))
        })
    }

    /// Empties the server: every function of every account, and what they printed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn reset(&self) -> Result<(), LambdaError> {
        self.store.delete_everything().await?;
        self.store.queues().clear().await?;
        self.store.tables().clear().await?;
        let logs = self.store.logs();
        let _ = tokio::task::spawn_blocking(move || logs.clear()).await;
        Ok(())
    }
}

fn base_url(request: &HttpRequest) -> String {
    format!("{}://{}", request.scheme(), request.header("host").unwrap_or("127.0.0.1:4566"))
}

/// Uploads are large, events are bounded by Lambda's own limit, everything else is small.
fn body_bytes_max(operation: Operation) -> usize {
    match operation {
        Operation::CreateFunction | Operation::UpdateFunctionCode | Operation::PublishLayerVersion => {
            limits::CREATE_FUNCTION_REQUEST_BYTES_MAX
        }
        Operation::Invoke | Operation::InvokeWithResponseStream => limits::SYNC_REQUEST_PAYLOAD_BYTES_MAX,
        _ => limits::CONTROL_REQUEST_BYTES_MAX,
    }
}

fn body_error(error: BodyError, operation: Operation) -> ApiError {
    let too_large = |name: &str| {
        format!("Request must be smaller than {} bytes for the {name} operation", body_bytes_max(operation))
    };
    errors::to_api_error(&match (error, operation) {
        (BodyError::TooLarge, Operation::Invoke) => LambdaError::RequestTooLarge(too_large("InvokeFunction")),
        (BodyError::TooLarge, Operation::InvokeWithResponseStream) => {
            LambdaError::RequestTooLarge(too_large("InvokeWithResponseStream"))
        }
        (BodyError::TooLarge, other) => LambdaError::RequestEntityTooLarge(too_large(other.schema().name)),
        (BodyError::Broken, _) => LambdaError::InvalidRequestContent("The request body ended early.".into()),
    })
}
