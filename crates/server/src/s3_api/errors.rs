//! Completes the errors of the library: S3's own words where it has none, and what was asked for.

use bytes::Bytes;
use http_body_util::{BodyExt, Either};
use hyper::{HeaderMap, Method, Response, StatusCode, header::CONTENT_LENGTH};
use percent_encoding::percent_decode_str;
use services::s3::{AnswerStatus, DETAIL_HEADER};

use crate::http::{self, HttpResponse};

/// The words of S3 for errors that the library finds itself.
const TEXTS: &[(&str, &str)] = &[
    ("InvalidBucketName", "The specified bucket is not valid."),
    ("InvalidURI", "Couldn't parse the specified URI."),
    ("KeyTooLongError", "Your key is too long"),
    (
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    ("MethodNotAllowed", "The specified method is not allowed against this resource."),
    ("MissingContentLength", "You must provide the Content-Length HTTP header."),
    ("InvalidArgument", "Invalid Argument"),
    ("InvalidRequest", "Invalid Request"),
    ("InvalidRange", "The requested range is not satisfiable"),
    ("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"),
    ("MaxMessageLengthExceeded", "Your request was too big."),
    ("NotImplemented", "A header you provided implies functionality that is not implemented"),
    ("InternalError", "We encountered an internal error. Please try again."),
];

/// Rewrites the body of an error; anything else passes.
pub(super) async fn completed(
    response: Response<s3s::Body>,
    method: &Method,
    request_id: &str,
) -> HttpResponse {
    let (mut parts, body) = response.into_parts();
    if let Some(AnswerStatus(status)) = parts.extensions.get() {
        parts.status = *status;
    }
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    if !is_error {
        return Response::from_parts(parts, Either::Right(Either::Right(body)));
    }
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut details = details(&mut parts.headers);
    if parts.status == StatusCode::METHOD_NOT_ALLOWED {
        details.insert_str(0, &format!("<Method>{method}</Method>"));
    }
    let xml = std::str::from_utf8(&bytes).ok();
    let bytes = match xml.and_then(|xml| rewritten(xml, &details, request_id)) {
        Some(xml) => Bytes::from(xml),
        None => bytes,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, http::whole(bytes))
}

/// What the service told beside code and text, as elements.
fn details(headers: &mut HeaderMap) -> String {
    let details = headers.get_all(DETAIL_HEADER).iter().filter_map(|detail| {
        let (name, value) = detail.to_str().ok()?.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        Some(format!("<{name}>{}</{name}>", escaped(&value)))
    });
    let details = details.collect();
    headers.remove(DETAIL_HEADER);
    details
}

/// The error with everything that S3 tells.
fn rewritten(xml: &str, details: &str, request_id: &str) -> Option<String> {
    let code = element(xml, "Code")?;
    let known = TEXTS.iter().find(|(known, _)| *known == code).map(|(_, text)| *text);
    let message = element(xml, "Message").or(known).unwrap_or(code);
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{details}\
         <RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>"
    ))
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = start + xml.get(start..)?.find(&format!("</{name}>"))?;
    xml.get(start..end)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_words_gets_s3s() {
        let xml = rewritten("<Error><Code>InvalidBucketName</Code></Error>", "", "id").unwrap();
        assert!(xml.contains("<Message>The specified bucket is not valid.</Message>"), "{xml}");
    }

    #[test]
    fn words_and_details_of_the_service_stay() {
        let mut headers = HeaderMap::new();
        headers.append(DETAIL_HEADER, "Key=a%20b%3C".parse().unwrap());
        headers.append(DETAIL_HEADER, "VersionId=3".parse().unwrap());
        let details = details(&mut headers);
        assert!(headers.is_empty(), "nobody else sees them");
        let xml = "<Error><Code>NoSuchVersion</Code><Message>None.</Message></Error>";
        let xml = rewritten(xml, &details, "id").unwrap();
        assert!(xml.contains("<Message>None.</Message><Key>a b&lt;</Key><VersionId>3</VersionId>"), "{xml}");
    }
}
