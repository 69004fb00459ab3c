//! Parameter mappings of an integration: what it changes of a request before it goes to the function or the server, and of the answer
//! that comes back (API Gateway guide, "Transforming API requests and responses").
//!
//! ```text
//! append:header.x  overwrite:header.x  remove:header.x  append:querystring.x  overwrite:querystring.x  remove:querystring.x  overwrite:path
//! append:header.x  overwrite:header.x  remove:header.x  overwrite:statuscode
//! ```

use std::collections::BTreeMap;

use super::variables::Variables;
use crate::http_event::{WebAnswer, WebRequest, encoded_query, query_pairs};

/// A mapping's key, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change<'a> {
    Append(Place<'a>),
    Overwrite(Place<'a>),
    Remove(Place<'a>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Header(&'a str),
    Query(&'a str),
    Path,
    Status,
}

impl<'a> Change<'a> {
    fn parse(key: &'a str) -> Option<Self> {
        let (how, place) = key.split_once(':')?;
        let place = match place.split_once('.') {
            Some(("header", name)) if !name.is_empty() => Place::Header(name),
            Some(("querystring", name)) if !name.is_empty() => Place::Query(name),
            None if place == "path" => Place::Path,
            None if place == "statuscode" => Place::Status,
            _ => return None,
        };
        match (how, place) {
            ("overwrite", place) => Some(Self::Overwrite(place)),
            ("append", Place::Header(_) | Place::Query(_)) => Some(Self::Append(place)),
            ("remove", Place::Header(_) | Place::Query(_)) => Some(Self::Remove(place)),
            _ => None,
        }
    }
}

/// Headers that no mapping changes (the guide's reserved headers, as far as this server sends them).
const RESERVED: [&str; 8] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "host",
    "via",
];

/// Whether a key is one of a request's mappings.
pub fn is_of_request(key: &str) -> bool {
    match Change::parse(key) {
        Some(Change::Append(place) | Change::Overwrite(place) | Change::Remove(place)) => {
            place != Place::Status && !is_reserved(place)
        }
        None => false,
    }
}

/// Whether a key is one of an answer's mappings.
pub fn is_of_answer(key: &str) -> bool {
    match Change::parse(key) {
        Some(Change::Append(place) | Change::Overwrite(place) | Change::Remove(place)) => {
            matches!(place, Place::Header(_) | Place::Status) && !is_reserved(place)
        }
        None => false,
    }
}

fn is_reserved(place: Place<'_>) -> bool {
    matches!(place, Place::Header(name) if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)))
}

/// The request as the integration gets it.
pub fn mapped_request(mappings: &BTreeMap<String, String>, variables: &Variables<'_>) -> WebRequest {
    let mut request = variables.request.clone();
    for (key, text) in mappings {
        let (Some(change), value) = (Change::parse(key), variables.resolve(text)) else { continue };
        match (change, value) {
            (Change::Append(Place::Header(name)), Some(value)) => {
                request.headers.push((name.to_ascii_lowercase(), value));
            }
            (Change::Overwrite(Place::Header(name)), Some(value)) => {
                let name = name.to_ascii_lowercase();
                request.headers.retain(|(known, _)| *known != name);
                request.headers.push((name, value));
            }
            (Change::Remove(Place::Header(name)), _) => {
                request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            }
            (Change::Append(Place::Query(name)), Some(value)) => {
                change_query(&mut request, |pairs| pairs.push((name.to_owned(), value)));
            }
            (Change::Overwrite(Place::Query(name)), Some(value)) => change_query(&mut request, |pairs| {
                pairs.retain(|(known, _)| known != name);
                pairs.push((name.to_owned(), value));
            }),
            (Change::Remove(Place::Query(name)), _) => {
                change_query(&mut request, |pairs| pairs.retain(|(known, _)| known != name));
            }
            (Change::Overwrite(Place::Path), Some(value)) => {
                request.raw_path = if value.starts_with('/') { value } else { format!("/{value}") };
            }
            _ => {}
        }
    }
    request
}

fn change_query(request: &mut WebRequest, change: impl FnOnce(&mut Vec<(String, String)>)) {
    let mut pairs: Vec<_> = query_pairs(&request.raw_query).collect();
    change(&mut pairs);
    request.raw_query = encoded_query(&pairs);
}

/// The answer as the client gets it: by the mappings of its status.
pub fn mapped_answer(
    mappings: &BTreeMap<String, String>,
    variables: &Variables<'_>,
    answer: &WebAnswer,
) -> WebAnswer {
    let mut mapped = answer.clone();
    for (key, text) in mappings {
        let (Some(change), value) = (Change::parse(key), variables.resolve(text)) else { continue };
        match (change, value) {
            (Change::Append(Place::Header(name)), Some(value)) => {
                mapped.headers.push((name.to_owned(), value))
            }
            (Change::Overwrite(Place::Header(name)), Some(value)) => {
                mapped.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                mapped.headers.push((name.to_owned(), value));
            }
            (Change::Remove(Place::Header(name)), _) => {
                mapped.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            }
            (Change::Overwrite(Place::Status), Some(value)) => {
                mapped.status =
                    value.parse().ok().filter(|status| (200..=599).contains(status)).unwrap_or(mapped.status);
            }
            _ => {}
        }
    }
    mapped
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http_api::variables::access_log_line;

    fn request() -> WebRequest {
        WebRequest {
            raw_path: "/pets/1".into(),
            raw_query: "a=1&a=2&b=x%20y".into(),
            headers: vec![
                ("x-one".into(), "1".into()),
                ("x-one".into(), "2".into()),
                ("x-two".into(), "z".into()),
            ],
            body: r#"{"pets": [{"name": "rex"}], "n": 3}"#.into(),
            ..WebRequest::default()
        }
    }

    fn mapped(mappings: &[(&str, &str)]) -> WebRequest {
        let (request, context) =
            (request(), json!({"requestId": "id", "identity": {"sourceIp": "10.0.0.1"}}));
        let (parameters, stage) =
            ([("id".into(), "1".into())].into(), [("color".into(), "red".into())].into());
        let variables = Variables {
            request: &request,
            path_parameters: &parameters,
            stage_variables: &stage,
            context: &context,
            answer: None,
        };
        let mappings = mappings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        mapped_request(&mappings, &variables)
    }

    #[test]
    fn requests_are_changed_as_the_mappings_say() {
        let header = |mappings: &[(&str, &str)], name: &str| {
            let request = mapped(mappings);
            let of: Vec<_> = request
                .headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
                .collect();
            of.join("|")
        };
        for (value, expected) in [
            ("static", "static"),
            ("$request.header.X-One", "1,2"),
            ("$request.querystring.a", "1,2"),
            ("$request.path", "/pets/1"),
            ("$request.path.id", "1"),
            ("$request.body.pets[0].name", "rex"),
            ("$request.body.n", "3"),
            ("$context.requestId", "id"),
            ("$context.identity.sourceIp", "10.0.0.1"),
            ("$stageVariables.color", "red"),
            ("${request.querystring.b}-${stageVariables.color}!", "x y-red!"),
            ("${request.header.none}", ""),
        ] {
            assert_eq!(header(&[("append:header.X-New", value)], "x-new"), expected, "{value}");
        }
        assert_eq!(header(&[("append:header.x-new", "$request.header.none")], "x-new"), "");
        assert_eq!(header(&[("append:header.x-one", "3")], "x-one"), "1|2|3");
        assert_eq!(header(&[("overwrite:header.X-One", "3")], "x-one"), "3");
        assert_eq!(header(&[("remove:header.x-one", "''")], "x-one"), "");
        assert_eq!(mapped(&[("append:querystring.c", "ä &")]).raw_query, "a=1&a=2&b=x%20y&c=%C3%A4%20%26");
        assert_eq!(mapped(&[("overwrite:querystring.a", "3")]).raw_query, "b=x%20y&a=3");
        assert_eq!(mapped(&[("remove:querystring.a", "''")]).raw_query, "b=x%20y");
        assert_eq!(mapped(&[("overwrite:path", "$stageVariables.color")]).raw_path, "/red");
    }

    #[test]
    fn answers_are_changed_as_the_mappings_say() {
        let answer = WebAnswer {
            status: 200,
            headers: vec![("X-A".into(), "1".into())],
            body: r#"{"m": "hi"}"#.into(),
        };
        let (request, context) = (request(), Value::Null);
        let variables = Variables {
            request: &request,
            path_parameters: &BTreeMap::new(),
            stage_variables: &BTreeMap::new(),
            context: &context,
            answer: Some(&answer),
        };
        let mappings = [
            ("append:header.x-b", "$response.header.x-a"),
            ("append:header.x-m", "$response.body.m"),
            ("remove:header.X-A", "''"),
            ("overwrite:statuscode", "418"),
        ];
        let mappings = mappings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let mapped = mapped_answer(&mappings, &variables, &answer);
        let headers = [("x-b", "1"), ("x-m", "hi")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((mapped.status, mapped.headers.as_slice()), (418, &headers[..]));
    }

    #[test]
    fn keys_are_of_requests_or_of_answers() {
        for key in ["append:header.x", "overwrite:querystring.y", "remove:header.z", "overwrite:path"] {
            assert!(is_of_request(key), "{key}");
        }
        for key in ["append:header.x", "overwrite:statuscode", "remove:header.z"] {
            assert!(is_of_answer(key), "{key}");
        }
        for wrong in [
            "",
            "header.x",
            "append:path",
            "remove:path",
            "append:header.",
            "set:header.x",
            "append:header.Host",
        ] {
            assert!(!is_of_request(wrong) && !is_of_answer(wrong), "{wrong}");
        }
        assert!(!is_of_request("overwrite:statuscode") && !is_of_answer("append:querystring.x"));
    }

    #[test]
    fn a_line_of_a_log_has_a_dash_for_what_is_not_there() {
        let context = json!({"requestId": "id", "status": 200, "identity": {"sourceIp": "10.0.0.1"}});
        for (format, expected) in [
            ("$context.identity.sourceIp [$context.status] $context.none", "10.0.0.1 [200] -"),
            (r#"{"id":"$context.requestId","s":$context.status}"#, r#"{"id":"id","s":200}"#),
            ("$context.requestId.", "id."),
            ("no variables $$", "no variables $$"),
        ] {
            assert_eq!(access_log_line(format, &context), expected, "{format}");
        }
    }
}
