//! Services of AWS behind a REST API: those of this server, and those that the operator has elsewhere. The API asks them as the role that
//! the integration names.

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, Version,
    header::{HeaderName, HeaderValue},
};
use lambda_model::{
    http_api::integration::function_arn,
    http_event::{WebAnswer, encoded_path, encoded_query},
};
use serde_json::Value;
use services::apigateway::Integration;

use super::Answered;
use crate::{
    gateway::{
        Gateway, permission,
        rest_api::{
            Visit, header,
            mapping::Mapped,
            refusal::{Kind, Refusal},
            signed::role_session,
            text,
        },
    },
    http::{HttpRequest, RequestBody},
    identity::Caller,
};

/// What the operations of services that speak JSON are called by, and the version of that JSON.
const TARGETS: [(&str, &str, &str); 6] = [
    ("dynamodb", "DynamoDB_20120810", "1.0"),
    ("events", "AWSEvents", "1.1"),
    ("kinesis", "Kinesis_20131202", "1.1"),
    ("logs", "Logs_20140328", "1.1"),
    ("secretsmanager", "secretsmanager", "1.1"),
    ("states", "AWSStepFunctions", "1.0"),
];

/// `arn:aws:apigateway:REGION:SERVICE:path/PATH`, or `action/NAME`.
struct Target {
    region: String,
    service: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Gateway {
    /// The answer of a service.
    pub(super) async fn service(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
        mapped: Mapped,
    ) -> Result<Answered, Refusal> {
        let role = text(&integration.shape, "credentials");
        let function = function_arn(uri);
        if let Some(arn) = function {
            self.check_function(visit, role, arn).await?;
        }
        let mut target = target(uri, &mapped.path)
            .ok_or_else(|| Refusal::configuration("an integration names no service"))?;
        visit.known.note(|| {
            format!("Endpoint request body after transformations: {}", String::from_utf8_lossy(&mapped.body))
        });
        let content_type = header(&visit.web, "content-type").unwrap_or("application/json").to_owned();
        if !target.headers.iter().any(|(name, _)| name == "content-type") {
            target.headers.push(("content-type".to_owned(), content_type));
        }
        let method = if function.is_some() { "POST" } else { text(&integration.shape, "httpMethod") };
        let request = request(visit, method, &mut target, mapped)?;
        let caller = self.acting(visit, role, target);
        let services = self.services.get().and_then(std::sync::Weak::upgrade);
        let services = services.ok_or_else(|| Refusal::of(Kind::IntegrationFailure))?;
        let response = Box::pin(services.on_behalf(request, caller)).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Refusal::of(Kind::IntegrationFailure))?.to_bytes();
        visit.known.note(|| {
            format!("Endpoint response body before transformations: {}", String::from_utf8_lossy(&body))
        });
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let answer = WebAnswer { status: parts.status.as_u16(), headers: headers.collect(), body };
        match function {
            Some(_) => of_function(answer),
            None => Ok(Answered { named: answer.status.to_string(), answer }),
        }
    }

    async fn check_function(&self, visit: &Visit<'_>, role: &str, arn: &str) -> Result<(), Refusal> {
        if !role.is_empty() && self.role_may_invoke(role, arn).await {
            return Ok(());
        }
        let name = aws_api::arn::FunctionName::parse(arn);
        let name = name.ok_or_else(|| Refusal::configuration("an integration names no function"))?;
        let (Some(account_id), Some(region)) = (name.account_id, name.region) else {
            return Err(Refusal::configuration("an integration names a function without its account"));
        };
        let key = lambda_model::function::FunctionKey { account_id, region, name: name.name };
        let policy = self.urls.policy(&key, name.qualifier.as_deref());
        let source = (visit.source_arn(), visit.api.account_id);
        let named = key.arn_of(name.qualifier.as_deref());
        match permission::lets_gateway(policy.as_deref(), &named, &key.account_id, (&source.0, source.1)) {
            true => Ok(()),
            false => Err(Refusal::configuration("the function's policy does not let the API invoke it")),
        }
    }

    fn acting(&self, visit: &Visit<'_>, role: &str, target: Target) -> Caller {
        let principal = role_session(role)
            .unwrap_or_else(|| lambda_model::credentials::Principal::root(visit.api.account_id));
        Caller {
            account_id: principal.account_id.clone(),
            region: target.region,
            service: Some(target.service),
            access_key_id: None,
            principal,
        }
    }
}

/// What a function returned, or the error that it failed with; what kept it from running is the API's own fault.
fn of_function(answer: WebAnswer) -> Result<Answered, Refusal> {
    let has_failed = answer.headers.iter().any(|(name, _)| name == "x-amz-function-error");
    if has_failed {
        let failure: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let named = failure["errorMessage"].as_str().unwrap_or("null").to_owned();
        return Ok(Answered { named, answer });
    }
    match (200..300).contains(&answer.status) {
        true => Ok(Answered { named: String::new(), answer }),
        false => Err(Refusal::configuration("a function could not be invoked")),
    }
}

fn target(uri: &str, path: &[(String, String)]) -> Option<Target> {
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    let ["arn", _, "apigateway", region, service, what] = parts[..] else { return None };
    let mut target = Target {
        region: region.to_owned(),
        service: service.rsplit('.').next()?.to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
    };
    if let Some(name) = what.strip_prefix("action/") {
        let known = TARGETS.iter().find(|(known, ..)| *known == target.service);
        match known {
            Some((_, prefix, version)) => {
                target.headers.push(("x-amz-target".to_owned(), format!("{prefix}.{name}")));
                target.headers.push(("content-type".to_owned(), format!("application/x-amz-json-{version}")));
            }
            None => {
                target.query.push(("Action".to_owned(), name.to_owned()));
                let form = "application/x-www-form-urlencoded";
                target.headers.push(("content-type".to_owned(), form.to_owned()));
            }
        }
        return Some(target);
    }
    let (written, query) = what.strip_prefix("path/").map(|it| it.split_once('?').unwrap_or((it, "")))?;
    let mut written = written.trim_start_matches('/').to_owned();
    for (name, value) in path {
        for placeholder in [format!("{{{name}}}"), format!("{{{name}+}}")] {
            written = written.replace(&placeholder, &encoded_path(value));
        }
    }
    // A bucket may stand before the service: `bucket.s3`.
    let before = service.rsplit_once('.').map(|(before, _)| format!("/{before}"));
    target.path = format!("{}/{written}", before.unwrap_or_default());
    target.query = lambda_model::http_event::query_pairs(query).collect();
    Some(target)
}

fn request(
    visit: &Visit<'_>,
    method: &str,
    target: &mut Target,
    mapped: Mapped,
) -> Result<HttpRequest, Refusal> {
    let wrong = || Refusal::configuration("a header or a method of an integration is none");
    let mut headers = HeaderMap::new();
    for (name, value) in target.headers.drain(..).chain(mapped.headers) {
        let name = HeaderName::try_from(name.to_ascii_lowercase()).map_err(|_| wrong())?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|_| wrong())?);
    }
    // Who sends the host of another service than the API's own would only confuse whoever reads it.
    headers.insert(
        "host",
        HeaderValue::try_from(format!("{}.{}.amazonaws.com", target.service, target.region))
            .map_err(|_| wrong())?,
    );
    target.query.extend(mapped.query);
    Ok(HttpRequest {
        method: Method::try_from(if method == "ANY" { &visit.web.method } else { method })
            .map_err(|_| wrong())?,
        path: target.path.clone(),
        query: encoded_query(&target.query),
        headers,
        body: RequestBody::Read(Some(mapped.body)),
        peer: std::net::IpAddr::from([127, 0, 0, 1]),
        version: Version::HTTP_11,
        is_secure: false,
    })
}
