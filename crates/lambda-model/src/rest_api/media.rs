//! Types of contents: which template is for which, and what counts as binary.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

/// The type where a request does not say.
pub const USUAL: &str = "application/json";

/// A media type without its parameters, as templates are named by.
pub fn plain(header: Option<&str>) -> &str {
    let kind = header.and_then(|header| header.split([';', ',']).next()).map(str::trim);
    kind.filter(|kind| !kind.is_empty()).unwrap_or(USUAL)
}

/// What becomes of a request's body where no template is for its type (API Gateway guide, "Integration passthrough behaviors").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForRequest<T> {
    /// The template gives it.
    Template(T),
    /// It goes as it came.
    PassThrough,
    /// It is refused: 415.
    Refused,
}

/// The template of a request, by its type.
pub fn for_request<'a, T>(
    templates: &'a [(String, T)],
    content_type: Option<&str>,
    passthrough: &str,
) -> ForRequest<&'a T> {
    let kind = plain(content_type);
    match templates.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)) {
        Some((_, template)) => ForRequest::Template(template),
        None => match passthrough {
            "NEVER" => ForRequest::Refused,
            "WHEN_NO_TEMPLATES" if !templates.is_empty() => ForRequest::Refused,
            _ => ForRequest::PassThrough,
        },
    }
}

/// The template of an answer, by what the client accepts; the first where none is for that.
pub fn for_answer<'a, T>(templates: &'a [(String, T)], accept: Option<&str>) -> Option<&'a (String, T)> {
    let kind = plain(accept);
    let named = |kind: &str| templates.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    named(kind).or_else(|| named(USUAL)).or_else(|| templates.first())
}

/// Whether a type is one of those that an API takes for binary.
pub fn is_binary(binary: &[String], header: Option<&str>) -> bool {
    let Some(header) = header else { return binary.iter().any(|one| one == "*/*") };
    let kind = plain(Some(header));
    binary.iter().any(|one| one == "*/*" || one.eq_ignore_ascii_case(kind))
}

/// A body that has to be base64, and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBase64;

/// What becomes of a body whose content is handled (API Gateway guide, "Content type conversions in API Gateway").
///
/// # Errors
/// When a text has to become bytes and is not base64.
pub fn converted(body: Bytes, is_binary: bool, handling: Option<&str>) -> Result<Bytes, NotBase64> {
    match (handling, is_binary) {
        (Some("CONVERT_TO_TEXT"), true) => Ok(BASE64_STANDARD.encode(&body).into()),
        (Some("CONVERT_TO_BINARY"), false) => {
            BASE64_STANDARD.decode(&body).map(Bytes::from).map_err(|_| NotBase64)
        }
        _ => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_chosen_by_type() {
        let templates = [("application/xml".to_owned(), 1), ("application/json".to_owned(), 2)];
        let request = |kind, passthrough| for_request(&templates, kind, passthrough);
        assert_eq!(request(Some("application/xml; charset=utf-8"), ""), ForRequest::Template(&1));
        assert_eq!(request(None, ""), ForRequest::Template(&2));
        assert_eq!(request(Some("text/plain"), "WHEN_NO_MATCH"), ForRequest::PassThrough);
        assert_eq!(request(Some("text/plain"), "WHEN_NO_TEMPLATES"), ForRequest::Refused);
        assert_eq!(for_request::<u8>(&[], None, "WHEN_NO_TEMPLATES"), ForRequest::PassThrough);
        assert_eq!(for_request::<u8>(&[], None, "NEVER"), ForRequest::Refused);
        let answer = |accept| for_answer(&templates, accept).map(|(_, template)| *template);
        assert_eq!(answer(Some("application/xml")), Some(1));
        assert_eq!(answer(Some("text/html")), Some(2));
        assert_eq!(for_answer(&templates[..1], None).map(|it| it.1), Some(1));
        assert_eq!(for_answer::<u8>(&[], None), None);
    }

    #[test]
    fn binary_types_are_those_of_the_api() {
        let types = ["image/png".to_owned()];
        assert!(is_binary(&types, Some("image/PNG; q=1")));
        assert!(is_binary(&types, Some("image/png, text/html")));
        assert!(!is_binary(&types, Some("text/html, image/png")));
        assert!(!is_binary(&types, None));
        assert!(is_binary(&["*/*".to_owned()], None));
    }

    #[test]
    fn contents_are_converted() {
        let convert = |body: &'static str, is_binary, handling| {
            converted(Bytes::from_static(body.as_bytes()), is_binary, handling)
        };
        assert_eq!(convert("abc", true, Some("CONVERT_TO_TEXT")).unwrap(), "YWJj");
        assert_eq!(convert("abc", false, Some("CONVERT_TO_TEXT")).unwrap(), "abc");
        assert_eq!(convert("YWJj", false, Some("CONVERT_TO_BINARY")).unwrap(), "abc");
        assert_eq!(convert("abc", true, Some("CONVERT_TO_BINARY")).unwrap(), "abc");
        assert_eq!(convert("?", false, Some("CONVERT_TO_BINARY")), Err(NotBase64));
        assert_eq!(convert("abc", false, None).unwrap(), "abc");
    }
}
