//! Finds out what a request wants: this server's own pages, or an operation of an AWS service.

use std::sync::Arc;

use aws_api::{error_response::ApiError, protocol::query, request_id};
use hyper::StatusCode;
use lambda_model::credentials::PrincipalKind;
use services::{iam::Iam, query::QueryService, sts::Sts};

use crate::{
    admin::Admin,
    authentication::{Authentication, AuthenticationFailure, BodyProof},
    http::{self, HttpRequest, HttpResponse},
    identity::{Caller, Defaults},
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
    /// Proves that callers are who they say; `None` where everybody is believed.
    pub authentication: Option<Authentication>,
}

impl Router {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest, entrance: Entrance) -> HttpResponse {
        if request.path.starts_with("/_lambent/") {
            return self.to_own_pages(request, entrance).await;
        }
        let caller = self.defaults.identify(&request);
        let Some(destination) = Destination::of(&request, &caller) else {
            return self.to_s3(request, caller).await;
        };
        match self.proven(request).await {
            Ok(request) => self.deliver(request, caller, destination).await,
            Err(failure) => self.refuse(&failure, &destination),
        }
    }

    /// Where callers are proven, pages that tell of functions are for the account's root.
    async fn to_own_pages(&self, request: HttpRequest, entrance: Entrance) -> HttpResponse {
        if self.authentication.is_none() || Admin::is_open(&request.path) {
            return self.admin.handle(request, entrance).await;
        }
        let is_root = self.defaults.identify(&request).principal.kind == PrincipalKind::Root;
        match self.proven(request).await {
            Ok(request) if is_root => self.admin.handle(request, entrance).await,
            Ok(_) => Admin::forbidden(),
            Err(failure) => failure.of_lambda(),
        }
    }

    async fn to_s3(&self, request: HttpRequest, caller: Caller) -> HttpResponse {
        let proof = match &self.authentication {
            None => Ok(BodyProof::None),
            Some(authentication) => authentication.prove_s3(&request),
        };
        match proof {
            Ok(proof) => self.s3.handle(request, caller, proof).await,
            Err(failure) => failure.of_s3(),
        }
    }

    async fn proven(&self, request: HttpRequest) -> Result<HttpRequest, AuthenticationFailure> {
        match &self.authentication {
            None => Ok(request),
            Some(authentication) => authentication.prove(request).await,
        }
    }

    async fn deliver(&self, request: HttpRequest, caller: Caller, destination: Destination) -> HttpResponse {
        match destination {
            Destination::Lambda => self.lambda.handle(request, caller).await,
            Destination::Iam => query_api::answer(&self.iam, request, caller).await,
            Destination::Sts => query_api::answer(&self.sts, request, caller).await,
            Destination::Unknown(service) => {
                let kind = request.header("content-type").unwrap_or_default();
                unknown_service(&service, kind.starts_with("application/x-www-form-urlencoded"))
            }
        }
    }

    fn refuse(&self, failure: &AuthenticationFailure, destination: &Destination) -> HttpResponse {
        match destination {
            Destination::Lambda | Destination::Unknown(_) => failure.of_lambda(),
            Destination::Iam => failure.of_query(self.iam.model()),
            Destination::Sts => failure.of_query(self.sts.model()),
        }
    }
}

/// The service that a request is for, whose body is proven before it is delivered: any but S3.
enum Destination {
    Lambda,
    Iam,
    Sts,
    /// None that is built.
    Unknown(String),
}

impl Destination {
    /// `None` is S3.
    fn of(request: &HttpRequest, caller: &Caller) -> Option<Self> {
        match caller.service.as_deref() {
            Some("s3") => None,
            None if is_for_s3(request) => None,
            None | Some("lambda") => Some(Self::Lambda),
            Some("iam") => Some(Self::Iam),
            Some("sts") => Some(Self::Sts),
            Some(service) => Some(Self::Unknown(service.to_owned())),
        }
    }
}

/// A service that is not built answers so, in the form of its protocol: XML to those who send forms, JSON to others.
fn unknown_service(service: &str, sends_forms: bool) -> HttpResponse {
    let message = format!("The service {service} is not implemented by this server.");
    if sends_forms {
        let error = ApiError::service("NotImplemented", 501, message);
        let xml = query::encode_error(
            "http://webservices.amazon.com/AWSFault/2005-15-09",
            &error,
            &request_id::new(),
        );
        return http::response(StatusCode::NOT_IMPLEMENTED, query::CONTENT_TYPE, xml);
    }
    let body = serde_json::json!({"__type": "NotImplemented", "message": message});
    let mut response = http::json(StatusCode::NOT_IMPLEMENTED, &body);
    let headers = response.headers_mut();
    headers.insert("x-amzn-errortype", hyper::header::HeaderValue::from_static("NotImplemented"));
    response
}
