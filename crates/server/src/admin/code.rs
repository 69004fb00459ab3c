//! `GET /_lambent/code/<sha256>?Expires=..&Signature=..`: the download that `GetFunction` points at.

use hyper::StatusCode;
use lambda_model::error::with_causes;
use serde_json::json;

use super::Admin;
use crate::{
    clock,
    http::{self, HttpRequest, HttpResponse},
};

/// First part of the path.
pub(super) const PREFIX: &str = "/_lambent/code/";

/// The path of a package.
pub(crate) fn code_path(sha256_hex: &str) -> String {
    format!("{PREFIX}{sha256_hex}")
}

impl Admin {
    pub(super) async fn download_code(&self, request: &HttpRequest) -> HttpResponse {
        if !self.lambda.signer.verify(&request.path, &request.query, clock::unix_ms() / 1000) {
            return http::json(
                StatusCode::FORBIDDEN,
                &json!({"message": "Request has expired or is not signed"}),
            );
        }
        let sha256_hex = request.path.trim_start_matches(PREFIX);
        match self.lambda.store.code_packages().zip(sha256_hex).await {
            Ok(Some(zip)) => http::response(StatusCode::OK, "application/zip", zip),
            Ok(None) => http::json(StatusCode::NOT_FOUND, &json!({"message": "the code is gone"})),
            Err(error) => {
                tracing::error!(error = with_causes(&error), "code not read");
                http::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &json!({"message": "the code could not be read"}),
                )
            }
        }
    }
}
