//! Finds out what a request wants: this server's own pages, or an operation of an AWS service, here or elsewhere.

use std::sync::Arc;

use aws_api::{protocol::aws_json, sigv4::payload_hash};
use hyper::{Method, StatusCode, header::HOST};
use lambda_model::{credentials::PrincipalKind, limits};
use services::{
    apigateway::ApiGateway,
    apigatewayv2::ApiGatewayV2,
    dynamodb::{DynamoDb, DynamoDbStreams},
    eventbridge::EventBridge,
    iam::Iam,
    iot::Iot,
    kinesis::Kinesis,
    logs::CloudWatchLogs,
    scheduler::Scheduler,
    secretsmanager::SecretsManager,
    service::AwsService,
    sns::{Links, Sns},
    sqs::Sqs,
    sts::Sts,
};

use crate::{
    admin::Admin,
    authentication::{Authentication, AuthenticationFailure, BodyProof},
    gateway::{Callers, Gateway, Place},
    http::{self, HttpRequest, HttpResponse},
    identity::{Caller, Defaults},
    json_api,
    lambda_api::LambdaApi,
    query_api,
    rest_json_api::RestJsonApi,
    s3_api::{self, S3Api, is_for_s3},
    service_endpoints::{Passed, Payload, ServiceEndpoint, ServiceEndpoints, not_implemented},
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
    /// REST APIs.
    pub apigateway: RestJsonApi<ApiGateway>,
    /// HTTP APIs and WebSocket APIs.
    pub apigatewayv2: RestJsonApi<ApiGatewayV2>,
    /// Addresses of functions and of APIs.
    pub gateway: Gateway,
    /// The Lambda API.
    pub lambda: Arc<LambdaApi>,
    /// Roles, users and policies.
    pub iam: Iam,
    /// Buckets and objects.
    pub s3: S3Api,
    /// Sessions.
    pub sts: Sts,
    /// Log groups.
    pub logs: CloudWatchLogs,
    /// DynamoDB.
    pub dynamodb: DynamoDb,
    /// Streams.
    pub kinesis: Kinesis,
    /// EventBridge.
    pub events: EventBridge,
    /// EventBridge Scheduler.
    pub scheduler: RestJsonApi<Scheduler>,
    /// Rules on topics.
    pub iot: RestJsonApi<Iot>,
    /// Secrets.
    pub secrets: SecretsManager,
    /// Topics.
    pub sns: Sns,
    /// Queues.
    pub sqs: Sqs,
    /// Services that are not here.
    pub elsewhere: Arc<ServiceEndpoints>,
    /// For callers that do not say who they are.
    pub defaults: Defaults,
    /// Proves that callers are who they say; `None` where everybody is believed.
    pub authentication: Option<Authentication>,
}

impl Router {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: HttpRequest, entrance: Entrance) -> HttpResponse {
        if request.headers.get_all(HOST).iter().count() > 1 {
            // Whoever is in front may have gone by the other one (RFC 9112, 3.2).
            return http::response(StatusCode::BAD_REQUEST, "text/plain", "A request has one Host header.");
        }
        if let Some(place) = Place::of(&request, &self.gateway.apis) {
            let callers = Callers { defaults: &self.defaults, authentication: self.authentication.as_ref() };
            return Box::pin(self.gateway.answer(request, place, callers)).await;
        }
        if let Some(id) = request.path.strip_prefix("/@connections/") {
            // Functions ask so: the endpoint that they are given is that of all services.
            let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
            let callers = Callers { defaults: &self.defaults, authentication: self.authentication.as_ref() };
            return Box::pin(self.gateway.about_any_connection(request, &id, callers)).await;
        }
        if request.path.starts_with("/_lambent/") {
            return Box::pin(self.to_own_pages(request, entrance)).await;
        }
        let caller = self.defaults.identify(&request);
        if self.is_link_of_sns(&request, &caller) {
            return Box::pin(query_api::answer(&self.sns, request, caller)).await;
        }
        if let Some(certificate) = self.certificate(&request).await {
            return certificate;
        }
        let service = service_of(&request, &caller);
        if let Some(endpoint) = self.elsewhere.of(service) {
            return Box::pin(self.to_elsewhere(request, caller, endpoint)).await;
        }
        let Some(destination) = Destination::of(service) else {
            return Box::pin(self.to_s3(request, caller)).await;
        };
        let takes_forms = sends_forms(&request);
        match self.proven(request).await {
            Ok(request) => self.deliver(request, caller, destination).await,
            Err(failure) => self.refuse(&failure, &destination, takes_forms),
        }
    }

    /// The certificate of messages of SNS, which anyone may have.
    async fn certificate(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let name = Links::certificate_of_path(&request.path).filter(|_| request.method == Method::GET)?;
        let certificate = self.sns.certificate(name).await?;
        Some(http::response(StatusCode::OK, "application/x-pem-file", certificate))
    }

    /// An address in a message of SNS: whoever has the message may visit it, and nobody signs.
    fn is_link_of_sns(&self, request: &HttpRequest, caller: &Caller) -> bool {
        let is_visited = request.method == Method::GET && request.path == "/" && caller.service.is_none();
        is_visited && Links::is_one(&request.query) && self.elsewhere.of("sns").is_none()
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
        match self.proof_of_s3(&request) {
            Ok(proof) => self.s3.handle(request, caller, proof).await,
            Err(failure) => failure.of_s3(),
        }
    }

    fn proof_of_s3(&self, request: &HttpRequest) -> Result<BodyProof, AuthenticationFailure> {
        match &self.authentication {
            None => Ok(BodyProof::None),
            Some(authentication) => authentication.prove_s3(request),
        }
    }

    /// To a service that the operator has elsewhere. Callers are proven all the same: it knows this server alone.
    async fn to_elsewhere(
        &self,
        request: HttpRequest,
        caller: Caller,
        endpoint: &ServiceEndpoint,
    ) -> HttpResponse {
        if endpoint.service == "s3" {
            return self.to_s3_elsewhere(request, caller, endpoint).await;
        }
        let takes_forms = sends_forms(&request);
        let passed = match self.proven(request).await {
            Ok(request) => to_pass_on(request, caller.region).await,
            Err(failure) => Err(failure),
        };
        match passed {
            Ok(passed) => self.elsewhere.pass_on(endpoint, passed).await,
            Err(failure) => failure.of_other(takes_forms),
        }
    }

    async fn to_s3_elsewhere(
        &self,
        request: HttpRequest,
        caller: Caller,
        endpoint: &ServiceEndpoint,
    ) -> HttpResponse {
        let proof = match self.proof_of_s3(&request) {
            Ok(proof) => proof,
            Err(failure) => return failure.of_s3(),
        };
        match s3_api::to_pass_on(request, caller.region, proof, endpoint.credentials.is_some()) {
            Ok(passed) => self.elsewhere.pass_on(endpoint, passed).await,
            Err(early) => early.into(),
        }
    }

    /// Answers what this server itself asks of a service for somebody: nobody has to prove anything.
    pub(crate) async fn on_behalf(&self, request: HttpRequest, caller: Caller) -> HttpResponse {
        let service = caller.service.clone().unwrap_or_default();
        if let Some(endpoint) = self.elsewhere.of(&service) {
            return match to_pass_on(request, caller.region).await {
                Ok(passed) => self.elsewhere.pass_on(endpoint, passed).await,
                Err(failure) => failure.of_other(false),
            };
        }
        match Destination::of(&service) {
            Some(destination) => self.deliver(request, caller, destination).await,
            None => self.s3.handle(request, caller, BodyProof::None).await,
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
            // What answers an invocation is made anew for each, and as large as the largest of these: they are elsewhere.
            other => Box::pin(self.deliver_to_other(request, caller, other)).await,
        }
    }

    async fn deliver_to_other(
        &self,
        request: HttpRequest,
        caller: Caller,
        destination: Destination,
    ) -> HttpResponse {
        match destination {
            Destination::Lambda => self.lambda.handle(request, caller).await,
            Destination::Iam => query_api::answer(&self.iam, request, caller).await,
            Destination::Sts => query_api::answer(&self.sts, request, caller).await,
            Destination::Logs => json_api::answer(&self.logs, &CloudWatchLogs::JSON, request, caller).await,
            // Its requests are signed for DynamoDB.
            Destination::DynamoDb if target_of(&request).starts_with(DynamoDbStreams::TARGET) => {
                json_api::answer(&self.dynamodb.streams(), &DynamoDbStreams::JSON, request, caller).await
            }
            Destination::DynamoDb => json_api::answer(&self.dynamodb, &DynamoDb::JSON, request, caller).await,
            Destination::Kinesis => json_api::answer(&self.kinesis, &Kinesis::JSON, request, caller).await,
            Destination::Events => json_api::answer(&self.events, &EventBridge::JSON, request, caller).await,
            Destination::Scheduler => self.scheduler.handle(request, caller).await,
            Destination::ApiGateway if ApiGateway::is_path_of(&request.path) => {
                Box::pin(self.apigateway.handle(request, caller)).await
            }
            Destination::ApiGateway => Box::pin(self.apigatewayv2.handle(request, caller)).await,
            Destination::Iot => Box::pin(self.iot.handle(request, caller)).await,
            Destination::Secrets => {
                json_api::answer(&self.secrets, &SecretsManager::JSON, request, caller).await
            }
            Destination::Sns => query_api::answer(&self.sns, request, caller).await,
            Destination::Sqs if !target_of(&request).is_empty() => {
                json_api::answer(&self.sqs, &Sqs::JSON, request, caller).await
            }
            Destination::Sqs => query_api::answer(&self.sqs, request, caller).await,
            Destination::Unknown(service) => not_implemented(&service, sends_forms(&request)),
        }
    }

    fn refuse(
        &self,
        failure: &AuthenticationFailure,
        destination: &Destination,
        takes_forms: bool,
    ) -> HttpResponse {
        match destination {
            Destination::Lambda => failure.of_lambda(),
            Destination::Iam => failure.of_query(&self.iam.query_dialect()),
            Destination::Sts => failure.of_query(&self.sts.query_dialect()),
            Destination::Sns => failure.of_query(&self.sns.query_dialect()),
            Destination::Sqs if takes_forms => failure.of_query(&self.sqs.query_dialect()),
            Destination::Logs => failure.of_json(&CloudWatchLogs::JSON),
            Destination::DynamoDb => failure.of_json(&DynamoDb::JSON),
            Destination::Kinesis => failure.of_json(&Kinesis::JSON),
            Destination::Events => failure.of_json(&EventBridge::JSON),
            Destination::ApiGateway | Destination::Scheduler | Destination::Iot => failure.of_rest_json(),
            Destination::Secrets => failure.of_json(&SecretsManager::JSON),
            Destination::Sqs => failure.of_json(&Sqs::JSON),
            Destination::Unknown(_) => failure.of_other(takes_forms),
        }
    }
}

/// The service that a request is for, whose body is proven before it is delivered: any but S3.
enum Destination {
    Lambda,
    Iam,
    Sts,
    Logs,
    DynamoDb,
    Kinesis,
    Events,
    Scheduler,
    ApiGateway,
    Iot,
    Secrets,
    Sns,
    Sqs,
    /// None that is built.
    Unknown(String),
}

/// The signing names of the services that are here.
pub(crate) const SERVICES: [&str; 14] = [
    "apigateway",
    "dynamodb",
    "events",
    "iam",
    "iot",
    "kinesis",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
];

impl Destination {
    /// `None` is S3.
    fn of(service: &str) -> Option<Self> {
        match service {
            "s3" => None,
            "lambda" => Some(Self::Lambda),
            "iam" => Some(Self::Iam),
            "sts" => Some(Self::Sts),
            "logs" => Some(Self::Logs),
            "dynamodb" => Some(Self::DynamoDb),
            "kinesis" => Some(Self::Kinesis),
            "events" => Some(Self::Events),
            "scheduler" => Some(Self::Scheduler),
            "apigateway" => Some(Self::ApiGateway),
            "iot" => Some(Self::Iot),
            "secretsmanager" => Some(Self::Secrets),
            "sns" => Some(Self::Sns),
            "sqs" => Some(Self::Sqs),
            _ => Some(Self::Unknown(service.to_owned())),
        }
    }
}

/// The signing name of the service that a request is for.
fn service_of<'a>(request: &HttpRequest, caller: &'a Caller) -> &'a str {
    match &caller.service {
        Some(service) => service,
        None if is_for_s3(request) => "s3",
        None if target_of(request).starts_with("AmazonSQS.") => "sqs",
        None if target_of(request).starts_with("Logs_") => "logs",
        None if target_of(request).starts_with("DynamoDB") => "dynamodb",
        None if target_of(request).starts_with(Kinesis::TARGET) => "kinesis",
        None if target_of(request).starts_with("AWSEvents.") => "events",
        None if target_of(request).starts_with(SecretsManager::TARGET) => "secretsmanager",
        // Who has a token of another provider signs nothing: AssumeRoleWithWebIdentity, AssumeRoleWithSAML.
        None if sends_forms(request) => "sts",
        None => "lambda",
    }
}

/// The service and the operation, where the protocol is AWS's JSON.
fn target_of(request: &HttpRequest) -> &str {
    request.header(aws_json::TARGET).unwrap_or_default()
}

/// Whether its protocol is AWS's query protocol, which answers XML.
fn sends_forms(request: &HttpRequest) -> bool {
    request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// A request in the form in which it is passed on, its body read whole.
async fn to_pass_on(request: HttpRequest, region: String) -> Result<Passed, AuthenticationFailure> {
    let wants_xml = sends_forms(&request);
    let HttpRequest { method, path, query, headers, body, .. } = request;
    let body = http::read_body(body, limits::CREATE_FUNCTION_REQUEST_BYTES_MAX).await?;
    let payload = Payload { hash: payload_hash(&body), body: body.into() };
    Ok(Passed { method, path, query, headers, payload, region, wants_xml })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_that_is_said_to_be_here_is_here() {
        for name in SERVICES {
            assert!(!matches!(Destination::of(name), Some(Destination::Unknown(_))), "{name}");
        }
    }
}
