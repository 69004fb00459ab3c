//! Services of AWS behind APIs: those of this server, and those that the operator has elsewhere. An API asks them as the role that its
//! integration names.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, Version,
    header::{HeaderName, HeaderValue},
};
use lambda_model::{
    credentials::Principal,
    http_event::{WebAnswer, encoded_path, encoded_query, query_pairs},
};

use super::{Gateway, roles::role_session};
use crate::{
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

/// What an integration asks of a service.
pub(super) struct ServiceCall<'a> {
    /// `arn:aws:apigateway:REGION:SERVICE:path/PATH`, or `action/NAME`.
    pub uri: &'a str,
    /// Such as `POST`.
    pub method: &'a str,
    /// Variables of the path.
    pub path: &'a [(String, String)],
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The type of the body, where no header says another.
    pub content_type: &'a str,
    /// The body.
    pub body: Bytes,
    /// As whom; the account itself where it is nobody.
    pub role: &'a str,
    /// The API's account.
    pub account_id: &'a str,
}

/// Why a service was not asked, in words for the operator.
pub(super) type NotAsked = &'static str;

struct Target {
    region: String,
    service: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Gateway {
    /// The answer of a service.
    pub(super) async fn ask_service(&self, call: ServiceCall<'_>) -> Result<WebAnswer, NotAsked> {
        let target = target(call.uri, call.path).ok_or("an integration names no service")?;
        let principal = match call.role {
            "" => Principal::root(call.account_id),
            role => {
                role_session(role, call.account_id).ok_or("an integration's role is of another account")?
            }
        };
        let caller = Caller {
            account_id: principal.account_id.clone(),
            region: target.region.clone(),
            service: Some(target.service.clone()),
            access_key_id: None,
            principal,
        };
        let request = request(target, call).ok_or("a header or a method of an integration is none")?;
        let services = self.services.get().and_then(std::sync::Weak::upgrade);
        let services = services.ok_or("the server is about to stop")?;
        let response = Box::pin(services.on_behalf(request, caller)).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| "a service did not finish its answer")?.to_bytes();
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(WebAnswer { status: parts.status.as_u16(), headers: headers.collect(), body })
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
        target.name_action(name);
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
    target.query = query_pairs(query).collect();
    Some(target)
}

impl Target {
    fn name_action(&mut self, name: &str) {
        let header = |name: &str, value: String| (name.to_owned(), value);
        match TARGETS.iter().find(|(known, ..)| *known == self.service) {
            Some((_, prefix, version)) => {
                self.headers.push(header("x-amz-target", format!("{prefix}.{name}")));
                self.headers.push(header("content-type", format!("application/x-amz-json-{version}")));
            }
            None => {
                self.query.push(("Action".to_owned(), name.to_owned()));
                let form = "application/x-www-form-urlencoded".to_owned();
                self.headers.push(header("content-type", form));
            }
        }
    }
}

fn request(mut target: Target, call: ServiceCall<'_>) -> Option<HttpRequest> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::try_from(call.content_type).ok()?);
    for (name, value) in target.headers.drain(..).chain(call.headers) {
        let name = HeaderName::try_from(name.to_ascii_lowercase()).ok()?;
        headers.insert(name, HeaderValue::try_from(value).ok()?);
    }
    let host = format!("{}.{}.amazonaws.com", target.service, target.region);
    headers.insert("host", HeaderValue::try_from(host).ok()?);
    target.query.extend(call.query);
    Some(HttpRequest {
        method: Method::try_from(call.method).ok()?,
        path: target.path,
        query: encoded_query(&target.query),
        headers,
        body: RequestBody::Read(Some(call.body)),
        peer: std::net::IpAddr::from([127, 0, 0, 1]),
        version: Version::HTTP_11,
        is_secure: false,
        upgrade: None,
    })
}
