//! The server's own pages under `/_lambent/`.

mod code;
mod health;
mod logs;
mod reset;

use std::sync::Arc;

use hyper::{Method, StatusCode};
use store::FunctionLogs;

pub(crate) use code::code_path;
pub(crate) use health::HealthFacts;

use crate::{
    configuration::Auth,
    http::{self, HttpRequest, HttpResponse},
    lambda_api::LambdaApi,
    metrics::Metrics,
    signed_path::PathSigner,
};

/// Answers `/_lambent/...`.
pub(crate) struct Admin {
    /// What `/_lambent/health` tells.
    pub health: HealthFacts,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Checks download paths.
    pub signer: Arc<PathSigner>,
    /// Reads logs.
    pub logs: FunctionLogs,
    /// Empties the server.
    pub lambda: Arc<LambdaApi>,
    /// Who may do so.
    pub auth: Auth,
}

impl Admin {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest) -> HttpResponse {
        let path = request.path.clone();
        match (&request.method, path.as_str()) {
            (&Method::GET, "/_lambent/health") => self.health.render(),
            (&Method::GET, "/_lambent/metrics") => {
                http::response(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.render())
            }
            (&Method::POST, "/_lambent/reset") => self.reset(&request).await,
            (&Method::GET, "/_lambent/logs") => self.read_logs(&request).await,
            (&Method::GET, path) if path.starts_with(code::PREFIX) => self.download_code(&request).await,
            _ => http::json(StatusCode::NOT_FOUND, &serde_json::json!({"message": "no such page"})),
        }
    }
}
