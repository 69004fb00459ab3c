//! The server's own pages under `/_lambent/`.

mod code;
mod health;
mod logs;
mod outbox;
mod reset;
mod watching;

use std::sync::Arc;

use hyper::{Method, StatusCode};
use services::{sns::Sns, sts::Sessions};
use store::Logs;
use tokio::sync::watch;

pub(crate) use code::code_path;
pub(crate) use health::HealthFacts;

use crate::{
    configuration::Auth,
    http::{self, HttpRequest, HttpResponse},
    lambda_api::LambdaApi,
    metrics::Metrics,
    router::Entrance,
    tls::Tls,
};

/// Answers `/_lambent/...`.
pub(crate) struct Admin {
    /// What `/_lambent/health` tells.
    pub health: HealthFacts,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Reads logs.
    pub logs: Logs,
    /// Knows what there is, and empties the server.
    pub lambda: Arc<LambdaApi>,
    /// Who may do so.
    pub auth: Auth,
    /// Has sent messages to people.
    pub sns: Sns,
    /// Whose key is kept when everything else goes.
    pub sessions: Arc<Sessions>,
    /// Certificates of the listener.
    pub tls: Arc<Tls>,
    /// True once the server stops: answers without an end then get one.
    pub stopped: watch::Receiver<bool>,
}

impl Admin {
    /// Answers one request. Functions may download code, as GetFunction tells them to, and see nothing else.
    pub(crate) async fn handle(&self, request: HttpRequest, entrance: Entrance) -> HttpResponse {
        let path = request.path.clone();
        match (&request.method, path.as_str()) {
            (&Method::GET, path) if path.starts_with(code::PREFIX) => self.download_code(&request).await,
            _ if entrance == Entrance::Inside => no_such_page(),
            (&Method::GET, "/_lambent/health") => self.health.render(self.lambda.store.damaged()),
            (&Method::GET, "/_lambent/metrics") => {
                let text = self.metrics.render(self.logs.dropped());
                http::response(StatusCode::OK, "text/plain; version=0.0.4", text)
            }
            (&Method::GET, "/_lambent/certificate") => self.certificate().await,
            (&Method::POST, "/_lambent/reset") => self.reset(&request).await,
            (&Method::GET | &Method::POST, "/_lambent/watch") => self.watch(&request),
            (&Method::GET, "/_lambent/logs") => self.read_logs(&request).await,
            (&Method::GET, "/_lambent/outbox") => self.outbox(&request).await,
            _ => no_such_page(),
        }
    }
}

impl Admin {
    /// The certificate that the server has made for itself: whom clients have to trust.
    async fn certificate(&self) -> HttpResponse {
        match self.tls.own_certificate().await {
            Ok(Some(certificate)) => http::response(StatusCode::OK, "application/x-pem-file", certificate),
            Ok(None) => no_such_page(),
            Err(why) => {
                tracing::error!(why, "no certificate of the server's own");
                http::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &serde_json::json!({"message": "there is no certificate"}),
                )
            }
        }
    }

    /// Pages that anyone may see: they tell nothing of functions, or have a signature of their own in their path.
    pub(crate) fn is_open(path: &str) -> bool {
        ["/_lambent/health", "/_lambent/metrics", "/_lambent/certificate"].contains(&path)
            || path.starts_with(code::PREFIX)
    }

    /// For callers who are known, and not allowed.
    pub(crate) fn forbidden() -> HttpResponse {
        http::json(
            StatusCode::FORBIDDEN,
            &serde_json::json!({"message": "only the account's root may see this page"}),
        )
    }
}

fn no_such_page() -> HttpResponse {
    http::json(StatusCode::NOT_FOUND, &serde_json::json!({"message": "no such page"}))
}
