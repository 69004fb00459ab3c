//! Where the library's answers are not S3's.

use http_body_util::BodyExt;
use hyper::{Response, StatusCode, header::CONTENT_LENGTH};

use crate::http::{self, HttpResponse};

/// GetObjectAttributes tells the entity tag without the quotes that it has everywhere else.
pub(super) async fn attributes(answer: HttpResponse) -> HttpResponse {
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let xml = String::from_utf8_lossy(&bytes).replace("&quot;", "\"").replace("<ETag>\"", "<ETag>");
    let xml = xml.replace("\"</ETag>", "</ETag>");
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, http::whole(xml))
}
