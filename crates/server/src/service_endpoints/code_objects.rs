//! Code of functions from objects of an S3 elsewhere.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, StatusCode};
use lambda_model::ports::{BoxFuture, CodeObject, CodeObjectError, CodeObjects};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Passed, Payload, ServiceEndpoint, ServiceEndpoints};
use crate::http::HttpResponse;

/// A key in a path, as signatures have it.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// An error that S3 answers is smaller, bytes.
const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// Objects of the S3 that `endpoints` names, or of `own` where it names none.
pub(crate) struct MappedCodeObjects {
    pub endpoints: Arc<ServiceEndpoints>,
    pub own: Arc<dyn CodeObjects>,
    /// The Region that requests are signed for, where the endpoint says none.
    pub region: String,
}

impl CodeObjects for MappedCodeObjects {
    fn get<'a>(
        &'a self,
        account_id: &'a str,
        object: &'a CodeObject,
        bytes_max: u64,
    ) -> BoxFuture<'a, Result<Bytes, CodeObjectError>> {
        match self.endpoints.of("s3") {
            None => self.own.get(account_id, object, bytes_max),
            Some(endpoint) => Box::pin(self.fetch(endpoint, object, bytes_max)),
        }
    }
}

impl MappedCodeObjects {
    async fn fetch(
        &self,
        endpoint: &ServiceEndpoint,
        object: &CodeObject,
        bytes_max: u64,
    ) -> Result<Bytes, CodeObjectError> {
        let query = object
            .version_id
            .as_ref()
            .map(|id| format!("versionId={}", utf8_percent_encode(id, NON_ALPHANUMERIC)));
        let passed = Passed {
            method: Method::GET,
            path: format!("/{}/{}", object.bucket, utf8_percent_encode(&object.key, IN_PATH)),
            query: query.unwrap_or_default(),
            headers: HeaderMap::new(),
            payload: Payload { body: s3s::Body::empty(), hash: aws_api::sigv4::payload_hash(b"") },
            region: self.region.clone(),
            wants_xml: true,
        };
        let response = self.endpoints.pass_on(endpoint, passed).await;
        if response.status() == StatusCode::OK {
            return read(response, bytes_max).await;
        }
        let status = response.status();
        let text = read(response, ERROR_BYTES_MAX).await?;
        let text = String::from_utf8_lossy(&text);
        Err(CodeObjectError {
            code: element(&text, "Code").unwrap_or_else(|| status.as_u16().to_string()),
            message: element(&text, "Message").unwrap_or_else(|| status.to_string()),
        })
    }
}

/// At most `bytes_max` bytes, and one more where there are more: the caller sees that it is too much.
async fn read(response: HttpResponse, bytes_max: u64) -> Result<Bytes, CodeObjectError> {
    let limit = usize::try_from(bytes_max.saturating_add(1)).unwrap_or(usize::MAX);
    let (mut body, mut all) = (response.into_body(), BytesMut::new());
    while all.len() < limit
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| CodeObjectError {
            code: "IncompleteBody".into(),
            message: format!("The endpoint that the service s3 is mapped to broke off: {error}"),
        })?;
        all.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    all.truncate(limit);
    Ok(all.freeze())
}

/// The text of the first element of a name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once("</")?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn errors_are_read_out_of_what_s3_answers() {
        let xml = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(element(xml, "Message").as_deref(), Some("The specified key does not exist."));
        assert_eq!(element("<html>", "Code"), None);
    }
}
