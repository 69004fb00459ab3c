//! Signs a request for its endpoint, sends it, and hands back what is answered.

use aws_api::{
    error_response::ApiError,
    protocol::query,
    request_id,
    sigv4::{self, SigningIdentity},
};
use http_body_util::Either;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use lambda_model::error::with_causes;

use super::{ServiceEndpoint, ServiceEndpoints};
use crate::{
    clock,
    http::{self, HttpResponse},
};

/// Headers of a signature.
const OF_SIGNATURE: &[&str] =
    &["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/// Of errors in XML that no service answers.
pub(crate) const FAULT_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// A body with what a signature says of it.
pub(crate) struct Payload {
    pub body: s3s::Body,
    /// Its hash in hex, or a word such as `UNSIGNED-PAYLOAD`.
    pub hash: String,
}

/// A request to pass on.
pub(crate) struct Passed {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub payload: Payload,
    /// The Region that the caller signed for.
    pub region: String,
    /// Whether its service answers XML.
    pub wants_xml: bool,
}

impl ServiceEndpoints {
    /// Passes a request on. An endpoint that cannot be reached is `ServiceUnavailable`, which SDKs try again.
    pub(crate) async fn pass_on(&self, endpoint: &ServiceEndpoint, passed: Passed) -> HttpResponse {
        let wants_xml = passed.wants_xml;
        let answered = match outgoing(endpoint, passed) {
            Ok(request) => self.client.request(request).await.map_err(|error| with_causes(&error)),
            Err(reason) => Err(reason),
        };
        match answered {
            Ok(response) => {
                let (mut parts, body) = response.into_parts();
                http::OF_A_CONNECTION.iter().for_each(|name| drop(parts.headers.remove(*name)));
                hyper::Response::from_parts(parts, Either::Right(Either::Right(body.into())))
            }
            Err(reason) => {
                tracing::warn!(service = endpoint.service, reason, "a service elsewhere did not answer");
                let message = format!(
                    "The endpoint that the service {} is mapped to did not answer.",
                    endpoint.service
                );
                refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message, wants_xml)
            }
        }
    }
}

/// The request as it goes out.
pub(super) fn outgoing(endpoint: &ServiceEndpoint, passed: Passed) -> Result<Request<s3s::Body>, String> {
    let path = format!("{}{}", endpoint.base_path, passed.path);
    let target = if passed.query.is_empty() { path.clone() } else { format!("{path}?{}", passed.query) };
    let uri = format!("{}://{}{target}", endpoint.scheme, endpoint.authority);
    let headers = signed_headers(endpoint, &passed, &path).map_err(|error| error.to_string())?;
    let mut request = Request::builder()
        .method(passed.method)
        .uri(uri)
        .body(passed.payload.body)
        .map_err(|error| error.to_string())?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The caller's headers, with the endpoint's signature in place of the caller's.
fn signed_headers(
    endpoint: &ServiceEndpoint,
    passed: &Passed,
    path: &str,
) -> Result<HeaderMap, header::InvalidHeaderValue> {
    let mut others = passed.headers.clone();
    http::OF_A_CONNECTION.iter().for_each(|name| drop(others.remove(*name)));
    let host = HeaderValue::from_str(endpoint.authority.as_str())?;
    let Some(credentials) = &endpoint.credentials else {
        others.insert(header::HOST, host);
        return Ok(others);
    };
    OF_SIGNATURE.iter().for_each(|name| drop(others.remove(*name)));
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host);
    headers.insert("x-amz-date", HeaderValue::from_str(&sigv4::timestamp(clock::unix_seconds()))?);
    headers.insert("x-amz-content-sha256", HeaderValue::from_str(&passed.payload.hash)?);
    if let Some(token) = &credentials.session_token {
        headers.insert("x-amz-security-token", HeaderValue::from_str(token)?);
    }
    // What has a meaning for the service is signed; what a hop may change is not.
    let has_meaning = |name: &HeaderName| name.as_str().starts_with("x-amz-") || name == header::CONTENT_TYPE;
    let meant: Vec<_> =
        others.iter().filter(|(name, _)| has_meaning(name)).map(|(name, _)| name.clone()).collect();
    for name in meant {
        for value in others.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
        others.remove(&name);
    }
    let identity = SigningIdentity {
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        region: endpoint.region.as_deref().unwrap_or(&passed.region),
        service: &endpoint.service,
    };
    let method = passed.method.as_str();
    let request = sigv4::Request { method, path, query: &passed.query, headers: &headers };
    let authorization = sigv4::authorization(&request, &identity, &passed.payload.hash);
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&authorization)?);
    headers.extend(others);
    Ok(headers)
}

/// A service that is neither built nor mapped says so, in the form of its protocol.
pub(crate) fn not_implemented(service: &str, wants_xml: bool) -> HttpResponse {
    let message = format!(
        "The service {service} is not implemented by this server. An endpoint that has it can be named with --service-endpoint {service}=URL."
    );
    refusal(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message, wants_xml)
}

fn refusal(status: StatusCode, code: &'static str, message: String, wants_xml: bool) -> HttpResponse {
    if wants_xml {
        let error = ApiError::service(code, status.as_u16(), message);
        let xml =
            query::encode_error(&query::Dialect::in_namespace(FAULT_NAMESPACE), &error, &request_id::new());
        return http::response(status, query::CONTENT_TYPE, xml);
    }
    let mut response = http::json(status, &serde_json::json!({"__type": code, "message": message}));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}
