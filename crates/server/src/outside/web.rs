//! Posts to servers of the web.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use lambda_model::error::with_causes;
use percent_encoding::percent_decode_str;
use sandbox::NetworkPolicy;
use services::sns::{Answered, Call, Post, Refusal};
use tokio::time::timeout;

use super::permitted::PermittedNames;
use crate::https::connector;

/// A server that has not answered by then has not taken the message (SNS developer guide, HTTP/HTTPS endpoints).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The same of an API destination (EventBridge user guide, API destinations).
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// As much is read of its answer, bytes: only a token matters.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

type Connections = Client<HttpsConnector<HttpConnector<PermittedNames>>, Full<Bytes>>;

/// See the module's doc.
pub(super) struct Web {
    policy: Arc<NetworkPolicy>,
    plain: Connections,
    /// Made when something first needs it: not every host has a list of authorities.
    secure: OnceLock<Result<Connections, String>>,
}

impl Web {
    /// To what the policy permits.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub(super) fn new(policy: NetworkPolicy) -> Result<Self, std::io::Error> {
        let policy = Arc::new(policy);
        Ok(Self { plain: connections(&policy, false)?, policy, secure: OnceLock::new() })
    }

    /// Posts, and gives the status of the answer.
    pub(super) async fn post(&self, post: Post) -> Result<u16, Refusal> {
        let request = request(post)?;
        self.check_address(request.uri())?;
        let answer = timeout(ANSWER_TIMEOUT, self.connections(request.uri())?.request(request)).await;
        match answer {
            Ok(Ok(response)) => Ok(response.status().as_u16()),
            Ok(Err(error)) => Err(Refusal::Passing(with_causes(&error))),
            Err(_) => Err(Refusal::Passing("it did not answer within 15 seconds".into())),
        }
    }

    /// Asks, and gives the answer.
    pub(super) async fn call(&self, Call { method, url, headers, body }: Call) -> Result<Answered, Refusal> {
        let mut builder = Request::builder().method(method.as_str()).uri(url);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(Full::from(body));
        let request = request.map_err(|error| Refusal::Lasting(with_causes(&error)))?;
        self.check_address(request.uri())?;
        let asked = async {
            let response = self.connections(request.uri())?.request(request).await;
            let response = response.map_err(|error| Refusal::Passing(with_causes(&error)))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            // Whoever says more has taken it all the same.
            Ok(Answered { status, body: body.map(Collected::to_bytes).unwrap_or_default() })
        };
        let late = |_| Err(Refusal::Passing("it did not answer within 5 seconds".into()));
        timeout(CALL_TIMEOUT, asked).await.unwrap_or_else(late)
    }

    /// Passes a request on, and gives the whole answer.
    pub(super) async fn forward(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, Refusal> {
        let (parts, body) = self.forward_open(request).await?.into_parts();
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| Refusal::Passing(error.to_string()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Passes a request on, and gives the answer as it comes.
    pub(super) async fn forward_open(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Refusal> {
        self.check_address(request.uri())?;
        let response = self.connections(request.uri())?.request(request).await;
        response.map_err(|error| Refusal::Passing(with_causes(&error)))
    }

    fn connections(&self, uri: &Uri) -> Result<&Connections, Refusal> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(&self.plain);
        }
        let made = self.secure.get_or_init(|| {
            connections(&self.policy, true)
                .map_err(|error| format!("this host has no list of certificate authorities: {error}"))
        });
        made.as_ref().map_err(|why| Refusal::Passing(why.clone()))
    }

    /// Addresses that are written as numbers are not looked up.
    fn check_address(&self, uri: &Uri) -> Result<(), Refusal> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !self.policy.permits(address, Some(port)) => {
                Err(Refusal::Lasting(format!("this server may not reach {address}, port {port}")))
            }
            _ => Ok(()),
        }
    }
}

fn connections(policy: &Arc<NetworkPolicy>, needs_tls: bool) -> Result<Connections, std::io::Error> {
    let http = HttpConnector::new_with_resolver(PermittedNames(Arc::clone(policy)));
    Ok(Client::builder(TokioExecutor::new()).build(connector(http, needs_tls)?))
}

/// User and password of a URL become what servers expect of them.
fn request(Post { url, headers, body }: Post) -> Result<Request<Full<Bytes>>, Refusal> {
    let wrong = |error: &dyn std::error::Error| Refusal::Lasting(with_causes(error));
    let uri: Uri = url.parse().map_err(|error| wrong(&error))?;
    let mut request = Request::post(&uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some((user, _)) = uri.authority().and_then(|authority| authority.as_str().rsplit_once('@')) {
        let user: Vec<u8> = percent_decode_str(user).collect();
        request = request.header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(user)));
    }
    request.body(Full::from(body)).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use sandbox::NetworkLevel;

    use super::*;

    fn post(url: &str) -> Post {
        Post { url: url.into(), headers: Vec::new(), body: "text".into() }
    }

    #[test]
    fn user_and_password_of_a_url_are_sent_as_such() {
        let request = request(post("http://us%65r:pass@host/")).unwrap();
        assert_eq!(request.headers()[header::AUTHORIZATION], "Basic dXNlcjpwYXNz");
        assert!(super::request(post("http://host/")).unwrap().headers().is_empty());
    }

    #[tokio::test]
    async fn names_and_numbers_lead_only_where_the_policy_does() {
        let web = Web::new(NetworkPolicy::of(NetworkLevel::Internet)).unwrap();
        for url in
            ["http://127.0.0.1:1/", "http://[::1]:1/", "http://169.254.169.254/", "http://[::ffff:10.0.0.1]/"]
        {
            assert!(matches!(web.post(post(url)).await, Err(Refusal::Lasting(_))), "{url}");
        }
        let refused = web.post(post("http://localhost:1/")).await;
        assert!(matches!(&refused, Err(Refusal::Passing(why)) if why.contains("may reach")), "{refused:?}");
    }
}
