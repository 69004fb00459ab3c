//! Where the library does not take what S3 takes, or does not answer what S3 answers.

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_LENGTH, HeaderValue},
};

use super::{Early, text};
use crate::http::{self, HttpResponse};

/// Headers with entity tags.
const CONDITIONS: &[&str] =
    &["if-match", "if-none-match", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match"];

/// S3 takes an entity tag without its quotes, or without one of them, as well.
pub(super) fn quote_entity_tags(headers: &mut HeaderMap) {
    for name in CONDITIONS {
        let quoted = headers.get(*name).and_then(|value| {
            let text = value.to_str().ok()?.trim();
            let is_whole = text == "*" || text.contains(',') || text.starts_with("W/");
            let bare = text.trim_matches('"');
            (!is_whole && !bare.is_empty())
                .then(|| HeaderValue::from_str(&format!("\"{bare}\"")).ok())
                .flatten()
        });
        if let Some(quoted) = quoted {
            headers.insert(*name, quoted);
        }
    }
}

/// Headers with whole numbers.
const INTEGERS: &[&str] = &["x-amz-max-parts", "x-amz-part-number-marker", "x-amz-mp-object-size"];

/// The library reads a number as far as it is one.
pub(super) fn check_integers(headers: &HeaderMap) -> Result<(), Early> {
    let is_integer = |name: &&str| text(headers, name).is_none_or(|value| value.parse::<i64>().is_ok());
    match INTEGERS.iter().all(is_integer) {
        true => Ok(()),
        false => Err(Early(StatusCode::BAD_REQUEST, "InvalidArgument", "Invalid Argument")),
    }
}

/// GetObjectAttributes tells the entity tag without the quotes, and the checksum without the number of parts, that they have
/// everywhere else.
pub(super) async fn attributes(answer: HttpResponse) -> HttpResponse {
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let xml = String::from_utf8_lossy(&bytes).replace("&quot;", "\"").replace("<ETag>\"", "<ETag>");
    let xml = without_part_counts(&xml.replace("\"</ETag>", "</ETag>"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, http::whole(xml))
}

/// Base64 has no minus: what follows one at the end of a checksum is the number of its parts.
fn without_part_counts(xml: &str) -> String {
    let mut pieces = xml.split("</Checksum").peekable();
    let mut all = String::with_capacity(xml.len());
    while let Some(piece) = pieces.next() {
        let count = piece.rsplit_once('-').filter(|(_, count)| {
            pieces.peek().is_some() && !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())
        });
        all.push_str(count.map_or(piece, |(checksum, _)| checksum));
        if pieces.peek().is_some() {
            all.push_str("</Checksum");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_parts_goes_and_nothing_else() {
        let xml = "<a-1><ChecksumSHA256>DnK=-12</ChecksumSHA256><ChecksumCRC32>AA==</ChecksumCRC32></a-1>";
        let expected = "<a-1><ChecksumSHA256>DnK=</ChecksumSHA256><ChecksumCRC32>AA==</ChecksumCRC32></a-1>";
        assert_eq!(without_part_counts(xml), expected);
    }

    #[test]
    fn entity_tags_get_quotes_where_they_have_none() {
        for (given, expected) in [
            ("abc", "\"abc\""),
            ("\"abc\"", "\"abc\""),
            ("abc\"", "\"abc\""),
            ("*", "*"),
            ("W/\"a\"", "W/\"a\""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("if-match", given.parse().unwrap());
            quote_entity_tags(&mut headers);
            assert_eq!(headers["if-match"], expected);
        }
    }
}
