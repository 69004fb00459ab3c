//! Completes the errors of the library: S3's own words where it has none, and what was asked for.

use bytes::Bytes;
use http_body_util::{BodyExt, Either};
use hyper::{Response, header::CONTENT_LENGTH};

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
pub(super) async fn completed(response: Response<s3s::Body>, path: &str, request_id: &str) -> HttpResponse {
    let (mut parts, body) = response.into_parts();
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    if !is_error {
        return Response::from_parts(parts, Either::Right(Either::Right(body)));
    }
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let bytes = match std::str::from_utf8(&bytes).ok().and_then(|xml| rewritten(xml, path, request_id)) {
        Some(xml) => Bytes::from(xml),
        None => bytes,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, http::whole(bytes))
}

/// The error with everything that S3 tells.
fn rewritten(xml: &str, path: &str, request_id: &str) -> Option<String> {
    let code = element(xml, "Code")?;
    let known = TEXTS.iter().find(|(known, _)| *known == code).map(|(_, text)| *text);
    let message = element(xml, "Message").or(known).unwrap_or(code);
    let resource = escaped(path);
    let named = named(code, &resource);
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{named}\
         <Resource>{resource}</Resource><RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>"
    ))
}

/// The bucket or the key, where the error is about it. A path-style path tells both; of a virtual host's the key is all of it.
fn named(code: &str, path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
    let (bucket, key) = decoded.split_once('/').unwrap_or((&decoded, ""));
    match code {
        "NoSuchBucket"
        | "BucketNotEmpty"
        | "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "InvalidBucketName"
        | "NoSuchBucketPolicy"
        | "NoSuchTagSet"
        | "NoSuchCORSConfiguration" => {
            format!("<BucketName>{bucket}</BucketName>")
        }
        "NoSuchKey" if !key.is_empty() => format!("<Key>{key}</Key>"),
        _ => String::new(),
    }
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
        let xml = rewritten("<Error><Code>InvalidBucketName</Code></Error>", "/x", "id").unwrap();
        assert!(xml.contains("<Message>The specified bucket is not valid.</Message>"), "{xml}");
        assert!(xml.contains("<BucketName>x</BucketName>"), "{xml}");
    }

    #[test]
    fn words_of_the_service_stay_and_the_key_is_named() {
        let xml = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
        let xml = rewritten(xml, "/bucket/a%20b<", "id").unwrap();
        assert!(
            xml.contains("<Message>The specified key does not exist.</Message><Key>a b&lt;</Key>"),
            "{xml}"
        );
    }
}
