//! HTTP in front of functions: where a client of the web, and not one of AWS's API, is answered.
//!
//! ```text
//! HttpRequest ──place: by host name or path──► the URL of a function, or an API
//!             ──permission──► 403
//!             ──incoming──► WebRequest ──lambda_model::http_event──► event ──► invocation ──► answer
//! ```
//! What a front door reads, waits for and keeps has its limits in [`limits`].

mod access_log;
mod function_url;
mod functions;
mod http_api;
mod incoming;
mod issuers;
pub(crate) mod limits;
mod outgoing;
mod permission;
mod place;
mod refusal;
mod remembered;
mod rest_api;
mod roles;
mod service_calls;
mod streaming;
mod throttle;
mod urls;
mod websocket;

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use hyper::StatusCode;
use invocation::Invoker;
use serde_json::json;
use services::{apigateway::RestRegistry, apigatewayv2::Registry, iam::Iam};
use store::Logs;

use crate::{
    authentication::Authentication,
    http::{self, HttpRequest, HttpResponse},
    identity::Defaults,
    outside::WaysOut,
    router::Router,
    service_endpoints::ServiceEndpoints,
    watches::Watches,
};

use access_log::AccessLogs;
use issuers::Issuers;
use remembered::Remembered;
use rest_api::Tests;
use throttle::Throttle;
use websocket::Sockets;

pub(crate) use place::Place;
pub(crate) use urls::Urls;
pub(crate) use websocket::WebSocketLimits;

/// Answers what comes to addresses of functions.
pub(crate) struct Gateway {
    /// The URLs that there are.
    pub urls: Arc<Urls>,
    /// Runs functions.
    pub invoker: Arc<Invoker>,
    /// Folders that somebody edits.
    pub watches: Arc<Watches>,
    /// Policies of callers.
    pub iam: Iam,
    /// HTTP APIs and WebSocket APIs.
    pub apis: Arc<Registry>,
    /// REST APIs.
    pub rest_apis: Arc<RestRegistry>,
    /// Services that are elsewhere.
    pub elsewhere: Arc<ServiceEndpoints>,
    /// Whether callers are proven, and their policies asked.
    pub is_enforcing: bool,
    /// How long an integration is waited for, at most, where that is longer than usual.
    pub integration_timeout: Duration,
    /// Answers what APIs ask of services, as soon as it is there.
    pub services: Arc<OnceLock<Weak<Router>>>,
    /// To servers behind APIs, and to issuers of tokens.
    pub ways_out: Arc<WaysOut>,
    /// What is remembered between requests.
    pub memory: Memory,
}

/// What is remembered between requests, and gone with the server.
pub(crate) struct Memory {
    /// Lines that wait to be written.
    access_logs: AccessLogs,
    /// How many requests routes had.
    throttle: Throttle,
    /// What authorizers said of callers.
    remembered: Remembered,
    /// The keys of issuers of tokens.
    issuers: Issuers,
    /// The connections that are open.
    sockets: Sockets,
}

impl Memory {
    /// Nothing yet; access logs go into `logs`.
    pub(crate) fn new(logs: Logs, sockets: WebSocketLimits) -> Self {
        Self {
            access_logs: AccessLogs::start(logs),
            throttle: Throttle::default(),
            remembered: Remembered::default(),
            issuers: Issuers::default(),
            sockets: Sockets::new(sockets),
        }
    }
}

/// Lets APIs ask the services of a server, and be tried out by it.
pub(crate) fn connect(router: &Arc<Router>) {
    let _ = router.gateway.services.set(Arc::downgrade(router));
    router.apigateway.service.answer_tests_by(Arc::new(Tests(Arc::downgrade(router))));
}

/// The longest wait for an integration of a REST API, milliseconds.
pub(crate) fn rest_timeout(raised: Duration) -> i64 {
    let longest = limits::REST_INTEGRATION_TIMEOUT.max(raised);
    i64::try_from(longest.as_millis()).unwrap_or(i64::MAX)
}

/// How callers are known.
pub(crate) struct Callers<'a> {
    /// Who they say they are.
    pub defaults: &'a Defaults,
    /// Whether they are; `None` where everybody is believed.
    pub authentication: Option<&'a Authentication>,
}

impl Gateway {
    /// Answers a request that is for `place`.
    pub(crate) async fn answer(
        &self,
        request: HttpRequest,
        place: Place,
        callers: Callers<'_>,
    ) -> HttpResponse {
        match place {
            Place::FunctionUrl { url_id, path } => {
                self.at_function_url(request, &url_id, path, callers).await
            }
            Place::Api(place) => match self.apis.deployed(&place.api_id) {
                Some(api) if api.is_http && (!api.is_endpoint_disabled || place.is_of_domain()) => {
                    Box::pin(self.at_http_api(request, api, place, callers)).await
                }
                Some(api) if !api.is_http && (!api.is_endpoint_disabled || place.is_of_domain()) => {
                    Box::pin(self.at_websocket_api(request, api, place, callers)).await
                }
                Some(_) => told(StatusCode::NOT_FOUND, "Not Found"),
                None => match self.rest_apis.served(&place.api_id) {
                    Some(api) if !api.is_endpoint_disabled || place.is_of_domain() => {
                        Box::pin(self.at_rest_api(request, api, place, callers)).await
                    }
                    _ => told(StatusCode::FORBIDDEN, "Forbidden"),
                },
            },
            Place::Nothing => told(StatusCode::FORBIDDEN, "Forbidden"),
        }
    }
}

/// What API Gateway says for itself.
fn told(status: StatusCode, message: &str) -> HttpResponse {
    http::json(status, &json!({"message": message}))
}
