//! The examples of AWS's user guide, and what is no pattern.

use proptest::prelude::*;

use super::FilterPattern;

fn matches(pattern: &str, message: &str) -> bool {
    FilterPattern::parse(pattern).unwrap_or_else(|_| panic!("{pattern}")).matches(message)
}

#[test]
fn terms() {
    for (pattern, message, expected) in [
        ("", "anything", true),
        ("ERROR", "[ERROR 400] BAD REQUEST", true),
        ("ERROR", "[error] bad request", false),
        ("ERROR Exception", "[ERROR] Caught IllegalArgumentException", true),
        ("ERROR Exception", "[ERROR] nothing else", false),
        ("?ERROR ?ARGUMENTS", "[ERROR 401] UNAUTHORIZED", true),
        ("?ERROR ?ARGUMENTS", "INVALID ARGUMENTS", true),
        ("?ERROR ?ARGUMENTS", "fine", false),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
        // Optional terms beside others are ignored.
        ("ERROR ?x", "ERROR", true),
        (r#""INTERNAL SERVER ERROR""#, "[ERROR 500] INTERNAL SERVER ERROR", true),
        (r#""INTERNAL SERVER ERROR""#, "SERVER INTERNAL ERROR", false),
        (r#""say \"hi\"""#, r#"they say "hi""#, true),
        ("%AUTHORIZED%", "UNAUTHORIZED", true),
        (r"%4[0-9]{2}% -401", "status 404", true),
        (r"%4[0-9]{2}% -401", "status 401", false),
    ] {
        assert_eq!(matches(pattern, message), expected, "{pattern} on {message}");
    }
}

const EVENT: &str = r#"{
  "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c",
  "user": {"id": 1, "email": "John.Stiles@example.com"}, "bandwidth": 1.5e3, "is": true, "not": false,
  "users": [{"id": 2}, {"id": 3}], "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]
}"#;

#[test]
fn members_of_json_events() {
    for (pattern, expected) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{ $.eventType = UpdateTrail }"#, true),
        (r#"{ $.eventType != "UpdateTrail" }"#, false),
        ("{ $.sourceIPAddress != 123.123.* }", true),
        ("{ $.sourceIPAddress = 111.111.* }", true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.arrayKey[1] = "value" }"#, false),
        ("{ $.objectList[1].id = 2 }", true),
        ("{ $.objectList[*].id > 1 }", true),
        ("{ $.objectList[*].id > 2 }", false),
        ("{ $.SomeObject IS NULL }", true),
        ("{ $.eventType IS NULL }", false),
        ("{ $.SomeOtherObject NOT EXISTS }", true),
        ("{ $.SomeObject NOT EXISTS }", false),
        ("{ $.is IS TRUE }", true),
        ("{ $.not IS FALSE }", true),
        ("{ $.not IS TRUE }", false),
        ("{ $.bandwidth > 75 && $.bandwidth <= 1500 }", true),
        ("{ $.user.id = 1 && $.users[0].id = 3 }", false),
        (r#"{ ($.user.id = 2 && $.users[0].id = 2) || $.actions[2] = "DELETE" }"#, true),
        (
            r#"{ $.user.email = "John.Stiles" || $.coordinates[0][1] = "nonmatch" && $.actions[2] = "nomatch" }"#,
            false,
        ),
        ("{ $.coordinates[0][1] = 1 }", true),
        (r#"{ $.user.email = "*@example.com" }"#, true),
        ("{ $.user.email = %@example\\.(com|org)$% }", true),
        (r#"{ $["cluster.name"] = "c" }"#, true),
        ("{ $.user = 1 }", false),
    ] {
        assert_eq!(matches(pattern, EVENT), expected, "{pattern}");
    }
    assert!(!matches("{ $.a NOT EXISTS }", "no JSON"));
    let pattern = FilterPattern::parse("{ $.user.id = 1 && $.eventType = * }").unwrap();
    let extracted: Vec<_> = pattern.extract(EVENT).into_iter().collect();
    assert_eq!(
        extracted,
        [("$.eventType".to_owned(), "UpdateTrail".to_owned()), ("$.user.id".to_owned(), "1".to_owned())]
    );
}

const ACCESS: &str =
    r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;

#[test]
fn fields_between_spaces() {
    for (pattern, expected) in [
        ("[ip, server, username, timestamp, request, status, bytes]", true),
        ("[ip, server, username, timestamp, request, status]", false),
        ("[..., status = 4*, bytes]", true),
        ("[..., status = 2*, bytes]", false),
        ("[ip = %127\\.0\\.0\\.[1-9]%, ...]", true),
        ("[ip, server, username, timestamp, request =*.html*, status = 4*, bytes]", true),
        ("[ip, ..., bytes > 1000]", true),
        ("[ip, ..., bytes > 2000]", false),
        ("[ip, ..., status = 404 || status = 410, bytes]", true),
        ("[ip, ..., status != 404 && status != 410, bytes]", false),
        ("[ip, ..., (status = 404 || status = 410) && status != 1, bytes >= 1534]", true),
        (r#"[ip, server, username = "frank", ...]"#, true),
        ("[,,,,,,]", true),
        ("[...]", true),
    ] {
        assert_eq!(matches(pattern, ACCESS), expected, "{pattern}");
    }
    let extracted = FilterPattern::parse("[ip, ..., status, bytes]").unwrap().extract(ACCESS);
    assert_eq!(extracted["$ip"], "127.0.0.1");
    assert_eq!(extracted["$bytes"], "1534");
    assert_eq!(FilterPattern::parse("[,x,...]").unwrap().extract(ACCESS)["$1"], "127.0.0.1");
}

#[test]
fn what_is_no_pattern_is_refused() {
    for pattern in [
        "{",
        "{ }",
        "{ $.a }",
        "{ $.a = }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ ($.a = 1 }",
        "{ $.a > \"b\" }",
        "{ $. = 1 }",
        "{ $.a[ = 1 }",
        "{ $.a = 1 } x",
        "[a",
        "[a, ..., ...]",
        "[a = ]",
        "[a = 1 || b = 2]",
        "\"open",
        "%open",
        "%(%",
        "a|b",
    ] {
        assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
    }
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(100), ")".repeat(100));
    assert!(FilterPattern::parse(&deep).is_err());
}

proptest! {
    #[test]
    fn no_pattern_and_no_message_panics(pattern in "[\\[{$.a \"%?=<>&|(),*\\]}0-9\\\\-]{0,40}", message in ".{0,40}") {
        if let Ok(pattern) = FilterPattern::parse(&pattern) {
            pattern.matches(&message);
            pattern.extract(&message);
        }
    }
}
