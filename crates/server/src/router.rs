//! Finds out what a request wants: this server's own pages, or an operation of an AWS service.

use std::sync::Arc;

use hyper::StatusCode;
use services::{iam::Iam, sts::Sts};

use crate::{
    admin::Admin,
    http::{self, HttpRequest, HttpResponse},
    identity::Defaults,
    lambda_api::LambdaApi,
    query_api,
    s3_api::{S3Api, is_for_s3},
};

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// The server's own address.
    Own,
    /// The AWS endpoint inside an environment: functions get AWS, and nothing of the server's own.
    Inside,
}

/// Answers every request of every listener.
pub(crate) struct Router {
    /// The server's own pages.
    pub admin: Admin,
    /// The Lambda API.
    pub lambda: Arc<LambdaApi>,
    /// Roles, users and policies.
    pub iam: Iam,
    /// Buckets and objects.
    pub s3: S3Api,
    /// Sessions.
    pub sts: Sts,
    /// For callers that do not say who they are.
    pub defaults: Defaults,
}

impl Router {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest, entrance: Entrance) -> HttpResponse {
        if request.path.starts_with("/_lambent/") {
            return self.admin.handle(request, entrance).await;
        }
        let caller = self.defaults.identify(&request);
        match caller.service.as_deref() {
            Some("s3") => self.s3.handle(request, caller).await,
            None if is_for_s3(&request) => self.s3.handle(request, caller).await,
            None | Some("lambda") => self.lambda.handle(request, caller).await,
            Some("iam") => query_api::answer(&self.iam, request, caller).await,
            Some("sts") => query_api::answer(&self.sts, request, caller).await,
            Some(service) => unknown_service(service),
        }
    }
}

/// A service that is not built answers so, in a form that SDKs of every protocol show to their user.
fn unknown_service(service: &str) -> HttpResponse {
    let message = format!("The service {service} is not implemented by this server.");
    let body = serde_json::json!({"__type": "NotImplemented", "message": message});
    let mut response = http::json(StatusCode::NOT_IMPLEMENTED, &body);
    let headers = response.headers_mut();
    headers.insert("x-amzn-errortype", hyper::header::HeaderValue::from_static("NotImplemented"));
    response
}
