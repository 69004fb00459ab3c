//! Tables of requests and events, of responses and answers.

use serde_json::{Value, json};

use super::{
    Context, WebAnswer, WebRequest,
    answer::{Malformed, of_version_2},
    cors,
    prelude::Prelude,
    version_2,
};
use crate::function::url::Cors;

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &'static [u8]) -> WebRequest {
    let (raw_path, raw_query) = target.split_once('?').unwrap_or((target, ""));
    WebRequest {
        method: method.into(),
        raw_path: raw_path.into(),
        raw_query: raw_query.into(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        body: body.into(),
        protocol: "HTTP/1.1".into(),
        source_ip: "127.0.0.1".into(),
        time_ms: 1_583_348_638_390,
        request_id: "id".into(),
    }
}

fn event_of(request: &WebRequest) -> Value {
    let context = Context {
        account_id: "anonymous".into(),
        api_id: "abc".into(),
        route_key: "$default".into(),
        stage: "$default".into(),
        ..Context::default()
    };
    serde_json::from_slice(&version_2::event(request, &context).unwrap()).unwrap()
}

#[test]
fn an_event_has_everything_of_its_request() {
    let headers = [
        ("host", "abc.lambda-url.us-east-1.localhost:4566"),
        ("user-agent", "curl/8"),
        ("x-one", "1"),
        ("x-one", "2"),
        ("cookie", "a=b; c=d"),
        ("cookie", "e=f"),
        ("content-type", "text/plain; charset=utf-8"),
    ];
    let sent = request("POST", "/pa2%Fth/1?q=hello+world&q=%C3%A4&empty=&flag", &headers, b"Hello");
    let expected = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/pa2%Fth/1",
        "rawQueryString": "q=hello+world&q=%C3%A4&empty=&flag",
        "cookies": ["a=b", "c=d", "e=f"],
        "headers": {
            "host": "abc.lambda-url.us-east-1.localhost:4566", "user-agent": "curl/8", "x-one": "1,2",
            "content-type": "text/plain; charset=utf-8",
        },
        "queryStringParameters": {"q": "hello world,ä", "empty": "", "flag": ""},
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc",
            "domainName": "abc.lambda-url.us-east-1.localhost", "domainPrefix": "abc",
            "http": {
                "method": "POST", "path": "/pa2%Fth/1", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": "Hello", "isBase64Encoded": false,
    });
    assert_eq!(event_of(&sent), expected);
}

#[test]
fn what_a_request_does_not_have_is_left_out() {
    let event = event_of(&request("GET", "/", &[], b""));
    for absent in ["cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"] {
        assert_eq!(event.get(absent), None, "{absent}");
    }
    assert_eq!(event["requestContext"].get("authorizer"), None);
    assert_eq!(event["isBase64Encoded"], false);
}

#[test]
fn bodies_are_texts_by_their_types() {
    let cases: &[(Option<&str>, &[u8], Value, bool)] = &[
        (Some("application/json"), b"{}", json!("{}"), false),
        (Some("APPLICATION/JSON; charset=utf-8"), b"{}", json!("{}"), false),
        (Some("text/csv"), b"a,b", json!("a,b"), false),
        (Some("application/xml"), b"<a/>", json!("<a/>"), false),
        (Some("application/javascript"), b"1", json!("1"), false),
        (Some("application/ld+json"), b"{}", json!("{}"), false),
        (Some("application/atom+xml"), b"<a/>", json!("<a/>"), false),
        (Some("application/x-www-form-urlencoded"), b"a=b", json!("YT1i"), true),
        (Some("application/octet-stream"), b"\xff", json!("/w=="), true),
        (None, b"x", json!("eA=="), true),
        // Not what it is said to be.
        (Some("text/plain"), b"\xff", json!("/w=="), true),
    ];
    for (kind, body, expected, is_base64) in cases {
        let headers: Vec<_> = kind.iter().map(|kind| ("content-type", *kind)).collect();
        let sent = WebRequest { body: (*body).into(), ..request("POST", "/", &headers, b"") };
        let event = event_of(&sent);
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (expected, &json!(is_base64)), "{kind:?}");
    }
}

#[test]
fn queries_are_decoded_however_they_are_written() {
    let cases = [
        ("a=1&b=2", json!({"a": "1", "b": "2"})),
        ("a=1&a=2&a=", json!({"a": "1,2,"})),
        ("a=%", json!({"a": "%"})),
        ("a=%4", json!({"a": "%4"})),
        ("a=%zz%41", json!({"a": "%zzA"})),
        ("a%20b=c%2Bd", json!({"a b": "c+d"})),
        ("a=b=c", json!({"a": "b=c"})),
        ("&&a=1&", json!({"a": "1"})),
        ("=1", json!({"": "1"})),
        ("a=%ff", json!({"a": "\u{fffd}"})),
        ("a=%00", json!({"a": "\0"})),
    ];
    for (query, expected) in cases {
        let event = event_of(&request("GET", &format!("/?{query}"), &[], b""));
        assert_eq!(event["queryStringParameters"], expected, "{query}");
    }
}

fn answered(status: u16, headers: &[(&str, &str)], body: &[u8]) -> WebAnswer {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    WebAnswer { status, headers, body: body.to_vec().into() }
}

#[test]
fn responses_say_their_status_or_have_one_inferred() {
    let json_type = ("Content-Type", "application/json");
    let cases: &[(&str, WebAnswer)] = &[
        ("3", answered(200, &[json_type], b"3")),
        (r#""Hello""#, answered(200, &[json_type], br#""Hello""#)),
        (r#"["a", 1]"#, answered(200, &[json_type], br#"["a", 1]"#)),
        ("null", answered(200, &[json_type], b"null")),
        (r#"{"message": "hi"}"#, answered(200, &[json_type], br#"{"message": "hi"}"#)),
        (r#"{"body": "hi"}"#, answered(200, &[json_type], br#"{"body": "hi"}"#)),
        (r#"{"statusCode": 201}"#, answered(201, &[json_type], b"")),
        (r#"{"statusCode": "404", "body": null}"#, answered(404, &[json_type], b"")),
        (
            r#"{"statusCode": 200, "headers": {"content-type": "text/html", "x-n": 1, "x-b": true}, "body": "<p>"}"#,
            answered(200, &[("content-type", "text/html"), ("x-b", "true"), ("x-n", "1")], b"<p>"),
        ),
        (
            r#"{"statusCode": 200, "cookies": ["a=b", "c=d; Path=/"], "body": "AP8=", "isBase64Encoded": true}"#,
            answered(200, &[("Set-Cookie", "a=b"), ("Set-Cookie", "c=d; Path=/"), json_type], b"\0\xff"),
        ),
    ];
    for (response, expected) in cases {
        let mut found =
            of_version_2(response.as_bytes()).unwrap_or_else(|error| panic!("{response}: {error}"));
        found.headers.sort();
        let mut expected = expected.clone();
        expected.headers.sort();
        assert_eq!(found, expected, "{response}");
    }
}

#[test]
fn what_is_no_answer_is_malformed() {
    let cases = [
        ("", Malformed::NotJson),
        ("{", Malformed::NotJson),
        (r#"{"statusCode": "abc"}"#, Malformed::Status),
        (r#"{"statusCode": 99}"#, Malformed::Status),
        (r#"{"statusCode": 101}"#, Malformed::Status),
        (r#"{"statusCode": 600}"#, Malformed::Status),
        (r#"{"statusCode": 200.5}"#, Malformed::Status),
        (r#"{"statusCode": -200}"#, Malformed::Status),
        (r#"{"statusCode": {}}"#, Malformed::Status),
        (r#"{"statusCode": 200, "headers": []}"#, Malformed::Headers),
        (r#"{"statusCode": 200, "headers": {"a": []}}"#, Malformed::Headers),
        (r#"{"statusCode": 200, "multiValueHeaders": {"a": "b"}}"#, Malformed::Headers),
        (r#"{"statusCode": 200, "cookies": "a=b"}"#, Malformed::Cookies),
        (r#"{"statusCode": 200, "cookies": [1]}"#, Malformed::Cookies),
        (r#"{"statusCode": 200, "body": {}}"#, Malformed::Body),
        (r#"{"statusCode": 200, "body": "?", "isBase64Encoded": true}"#, Malformed::Body),
    ];
    for (response, expected) in cases {
        assert_eq!(of_version_2(response.as_bytes()), Err(expected), "{response}");
    }
}

#[test]
fn a_streams_head_may_come_in_any_pieces() {
    let whole = b"{\"statusCode\":418,\"headers\":{\"x\":\"y\"},\"cookies\":[\"a=b\"]}\0\0\0\0\0\0\0\0body\0\0\0\0\0\0\0\0more";
    let expected = answered(418, &[("x", "y"), ("Set-Cookie", "a=b")], b"");
    for size in 1..=whole.len() {
        let (mut prelude, mut found, mut body) = (Prelude::default(), None, Vec::new());
        for piece in whole.chunks(size) {
            match &found {
                Some(_) => body.extend_from_slice(piece),
                None => {
                    found = prelude.take(piece).unwrap();
                    body.extend(found.iter().flat_map(|answer| answer.body.iter().copied()));
                }
            }
        }
        let found = WebAnswer { body: bytes::Bytes::new(), ..found.unwrap() };
        assert_eq!(
            (found, body.as_slice()),
            (expected.clone(), &b"body\0\0\0\0\0\0\0\0more"[..]),
            "pieces of {size}"
        );
    }
}

#[test]
fn a_head_that_is_none_is_malformed() {
    for head in [&b"[]\0\0\0\0\0\0\0\0"[..], b"\0\0\0\0\0\0\0\0", b"{\"statusCode\":1}\0\0\0\0\0\0\0\0"] {
        assert!(Prelude::default().take(head).is_err(), "{head:?}");
    }
    let mut endless = Prelude::default();
    let refused_after = (0..100).find(|_| endless.take(&[b' '; 1_024]).is_err());
    assert_eq!(refused_after, Some(64));
}

fn settings(allow_credentials: bool, origins: &[&str]) -> Cors {
    let texts = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect());
    Cors {
        allow_credentials: Some(allow_credentials),
        allow_headers: texts(&["x-one", "x-two"]),
        allow_methods: texts(&["GET"]),
        allow_origins: texts(origins),
        expose_headers: texts(&["x-three"]),
        max_age_seconds: Some(300),
    }
}

#[test]
fn browsers_of_allowed_origins_are_told_what_they_may() {
    let origin = "https://example.com";
    let asked = [("origin", origin), ("access-control-request-method", "GET")];
    let preflight = request("OPTIONS", "/", &asked, b"");
    assert!(cors::is_preflight(&preflight));
    assert!(!cors::is_preflight(&request("OPTIONS", "/", &asked[..1], b"")));
    assert!(!cors::is_preflight(&request("GET", "/", &asked, b"")));
    let told = |settings: &Cors| {
        cors::preflight(settings, &preflight).into_iter().collect::<std::collections::BTreeMap<_, _>>()
    };
    let found = told(&settings(true, &["https://other.com", origin]));
    for (name, value) in [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "GET"),
        ("Access-Control-Allow-Headers", "x-one,x-two"),
        ("Access-Control-Max-Age", "300"),
        ("Vary", "Origin"),
    ] {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(told(&settings(false, &["*"]))["Access-Control-Allow-Origin"], "*");
    assert_eq!(told(&settings(true, &["*"]))["Access-Control-Allow-Origin"], origin);
    assert!(told(&settings(true, &["https://other.com"])).is_empty());
    assert!(told(&Cors::default()).is_empty());
}

#[test]
fn other_answers_say_that_their_origin_may_read_them() {
    let asked = request("GET", "/", &[("origin", "https://example.com")], b"");
    assert_eq!(
        cors::answered(&settings(false, &["https://example.com"]), &asked),
        [
            ("Access-Control-Allow-Origin", "https://example.com"),
            ("Vary", "Origin"),
            ("Access-Control-Expose-Headers", "x-three"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(cors::answered(&settings(true, &["https://other.com"]), &asked).is_empty());
    assert!(cors::answered(&settings(true, &["*"]), &request("GET", "/", &[], b"")).is_empty());
}
