//! `POST /_lambent/reset`: empties the server between two tests. Only where anyone may do anything anyway.

use hyper::StatusCode;
use serde_json::json;

use super::Admin;
use crate::{
    configuration::Auth,
    http::{self, HttpRequest, HttpResponse},
};

impl Admin {
    pub(super) async fn reset(&self, request: &HttpRequest) -> HttpResponse {
        // A page in a browser can post here without asking, but never without saying where it comes from.
        let from_browser =
            request.headers.contains_key("origin") || request.headers.contains_key("sec-fetch-site");
        if self.auth != Auth::Off || from_browser {
            return http::json(
                StatusCode::FORBIDDEN,
                &json!({"message": "reset works only with --auth off"}),
            );
        }
        let emptied = self.lambda.reset().await;
        let objects = self.lambda.store.change_s3(|transaction| transaction.delete_everything()).await;
        let kept = self.sessions.keep(&self.lambda.store).await;
        match emptied.and(objects.map_err(Into::into)).and(kept.map_err(Into::into)) {
            Ok(()) => {
                self.metrics.reset();
                http::json(StatusCode::OK, &json!({"status": "empty"}))
            }
            Err(error) => {
                tracing::error!(%error, "reset failed");
                http::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": "reset failed"}))
            }
        }
    }
}
