//! HTTP of S3: finds the requests that are S3's, takes the signature and the transport's framing off them, and hands them to the
//! service. Bodies go through piece by piece in both directions.

mod chunked_body;
mod corrections;
mod errors;
mod framing;
mod newer;
mod passing_on;
mod signature;

pub(crate) use passing_on::to_pass_on;

use aws_api::request_id;
use hyper::{
    HeaderMap, StatusCode,
    header::{CONNECTION, HeaderValue},
};
use s3s::service::S3Service;
use services::s3::{Requester, S3Context, Trailers, is_virtual_host};

use crate::{
    authentication::{BodyProof, is_of_version_2},
    clock,
    http::{self, HttpRequest, HttpResponse},
    identity::Caller,
};

/// Answers S3's requests.
pub(crate) struct S3Api {
    /// The service behind its protocol.
    pub service: S3Service,
}

/// Whether a request that was not signed for a service is S3's: its host names a bucket, it is signed in the way that only S3
/// still takes, or it names a bucket where the Lambda API has no path.
pub(crate) fn is_for_s3(request: &HttpRequest) -> bool {
    request.header("host").is_some_and(is_virtual_host)
        || is_of_version_2(request)
        || names_a_bucket(&request.path)
}

/// Every path of the Lambda API begins with a date.
fn names_a_bucket(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_date = first.len() == 10 && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    !first.is_empty() && !is_date
}

impl S3Api {
    /// Answers one request.
    pub(crate) async fn handle(
        &self,
        request: HttpRequest,
        caller: Caller,
        proof: BodyProof,
    ) -> HttpResponse {
        let now_ms = clock::unix_ms();
        let request_id = request_id::new();
        let finished = framing::Finished::of(&request.body);
        let answered = match signature::check_expiry(&request, now_ms) {
            Ok(()) => self.answer(request, (caller, now_ms), &request_id, (proof, &finished)).await,
            Err(expired) => Ok(expired.into()),
        };
        let mut response = answered.unwrap_or_else(|error| error);
        if !finished.is_finished() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in [("x-amz-request-id", request_id.as_str()), ("x-amz-id-2", request_id.as_str())]
        {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn answer(
        &self,
        request: HttpRequest,
        (caller, now_ms): (Caller, i64),
        request_id: &str,
        (proof, finished): (BodyProof, &framing::Finished),
    ) -> Result<HttpResponse, HttpResponse> {
        let trailers = Trailers::default();
        let HttpRequest { method, path, query, mut headers, body, peer, .. } = request;
        let query = signature::without(&query, &mut headers);
        newer::check(&method, &path, &query, &headers)?;
        corrections::check_integers(&headers)?;
        corrections::quote_entity_tags(&mut headers);
        let judged = framing::judged(&headers, body, proof).await.map_err(|failure| failure.of_s3())?;
        let body = framing::unframed(&mut headers, judged, &trailers, finished)?;
        drop_unusable_range(&mut headers);
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut builder = hyper::Request::builder().method(method.clone()).uri(uri);
        builder = builder.extension(S3Context {
            account_id: caller.account_id,
            region: caller.region,
            now_ms,
            trailers,
            requester: Requester {
                user_id: caller.principal.user_id,
                source_ip: peer.to_string(),
                request_id: request_id.to_owned(),
                trace_header: text(&headers, "x-amzn-trace-id").map(str::to_owned),
            },
        });
        let mut request = builder.body(body).map_err(|_| invalid_uri())?;
        *request.headers_mut() = headers;
        let names_attributes = query.split('&').any(|parameter| parameter == "attributes");
        let answer = self.service.call(request).await.map_err(|error| {
            tracing::error!(?error, "an answer of S3 was not encoded");
            error_response(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            )
        })?;
        let answer = errors::completed(answer, &method, request_id).await;
        Ok(if names_attributes { corrections::attributes(answer).await } else { answer })
    }
}

/// A range that makes no sense, or is several, is ignored: the whole object is answered.
fn drop_unusable_range(headers: &mut HeaderMap) {
    let is_usable = |range: &str| match s3s::dto::Range::parse(range) {
        Ok(s3s::dto::Range::Int { first, last }) => last.is_none_or(|last| last >= first),
        Ok(s3s::dto::Range::Suffix { .. }) => !range.trim_end().ends_with('-'),
        Err(_) => false,
    };
    if text(headers, "range").is_some_and(|range| !is_usable(range)) {
        headers.remove("range");
    }
}

fn invalid_uri() -> HttpResponse {
    error_response(StatusCode::BAD_REQUEST, "InvalidURI", "Couldn't parse the specified URI.")
}

/// A refusal before the service is reached: status, code, text.
#[derive(Debug)]
pub(crate) struct Early(StatusCode, &'static str, &'static str);

impl From<Early> for HttpResponse {
    fn from(Early(status, code, message): Early) -> Self {
        error_response(status, code, message)
    }
}

/// An error before the service is reached.
pub(crate) fn error_response(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    http::response(status, "application/xml", xml)
}

/// A header's value, if it is text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::names_a_bucket;

    #[test]
    fn paths_with_a_date_are_the_lambda_apis() {
        assert!(names_a_bucket("/photos/2026/cat.jpg"));
        assert!(!names_a_bucket("/2015-03-31/functions"));
        assert!(!names_a_bucket("/"));
    }
}
