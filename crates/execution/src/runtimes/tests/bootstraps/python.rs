//! Python's bootstrap.

use super::*;

fn each(check: impl Fn(&Language)) {
    for language in languages("python") {
        check(&language);
    }
}

#[test]
fn events_are_answered_one_after_another_with_their_own_context() {
    let code = r#"
import os
count = 0
def handler(event, context):
    global count
    count += 1
    print("printed", count)
    return [event, count, context.aws_request_id, context.function_name, context.invoked_function_arn,
            context.get_remaining_time_in_millis() > 0, context.client_context, repr(context.identity),
            os.environ.get("_X_AMZN_TRACE_ID")]
"#;
    let big = "ü".repeat(700_000);
    let identity = "CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])";
    each(|language| {
        let outcome = language.run(
            &[("app.py", code)],
            "app.handler",
            &[event(1, &json!({"a": "é"})), event(2, &json!(big))],
        );
        let answers: Vec<Value> =
            outcome.posts.iter().map(|post| serde_json::from_slice(&post.body).unwrap()).collect();
        let (arn, name) = ("arn:of:function", "function");
        assert_eq!(answers[0], json!([{"a": "é"}, 1, "id-1", name, arn, true, null, identity, "Root=1-1"]));
        assert_eq!(answers[1], json!([big, 2, "id-2", name, arn, true, null, identity, null]));
        assert_eq!(outcome.posts[1].path, "/invocation/id-2/response");
        assert_eq!(outcome.posts[1].header("content-type"), Some("application/json"));
        assert_eq!(outcome.log, "printed 1\nprinted 2\n", "{}", language.runtime);
    });
}

#[test]
fn results_become_json_as_on_lambda() {
    let code = r#"
import collections, decimal
Point = collections.namedtuple("Point", "x y")
RESULTS = {
    "decimal": {"price": decimal.Decimal("1.10"), "text": "\"decimal-1\""},
    "bytes": {"body": b"text"},
    "tuples": [Point(1, [Point(2, (3,))])],
    "raw": b"\x00raw",
    "surrogate": "\ud800",
}
def handler(event, context):
    return RESULTS[event]
"#;
    let expected = [
        ("decimal", r#"{"price": 1.10, "text": "\"decimal-1\""}"#),
        ("bytes", r#"{"body": "text"}"#),
        ("tuples", r#"[{"x": 1, "y": [{"x": 2, "y": [3]}]}]"#),
        ("raw", "\0raw"),
        ("surrogate", r#""\ud800""#),
    ];
    let events: Vec<Event> =
        (0..).zip(expected).map(|(number, (name, _))| event(number, &json!(name))).collect();
    each(|language| {
        let outcome = language.run(&[("app.py", code)], "app.handler", &events);
        assert_eq!(outcome.posts.len(), expected.len(), "{}: {}", language.runtime, outcome.log);
        for (post, (name, text)) in outcome.posts.iter().zip(expected) {
            assert_eq!(String::from_utf8_lossy(&post.body), text, "{name} on {}", language.runtime);
        }
        assert_eq!(outcome.posts[3].header("content-type"), Some("application/unknown"));
    });
}

#[test]
fn an_error_has_type_message_and_the_functions_own_frames() {
    let code = "def inner():\n    raise ValueError('no')\n\ndef handler(event, context):\n    inner()\n";
    each(|language| {
        let outcome = language.run(&[("app.py", code)], "app.handler", &[event(1, &json!(null))]);
        let (post, json) = (&outcome.posts[0], outcome.last());
        assert_eq!(post.path, "/invocation/id-1/error");
        assert_eq!(post.header("lambda-runtime-function-error-type"), Some("ValueError"));
        assert_eq!((&json["errorType"], &json["errorMessage"]), (&json!("ValueError"), &json!("no")));
        assert_eq!(json["requestId"], "id-1");
        let trace: Vec<&str> =
            json["stackTrace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(trace[0].ends_with("app.py\", line 5, in handler\n    inner()\n"), "{trace:?}");
        assert!(trace[1].ends_with("app.py\", line 2, in inner\n    raise ValueError('no')\n"), "{trace:?}");
        assert_eq!(trace.len(), 2);
        let log = "[ERROR] ValueError: no\nTraceback (most recent call last):\n\u{a0}\u{a0}File ";
        assert!(outcome.log.starts_with(log), "{}", outcome.log);
        assert!(
            outcome.log.ends_with("\n\u{a0}\u{a0}\u{a0}\u{a0}raise ValueError('no')\n"),
            "{}",
            outcome.log
        );
    });
}

#[test]
fn what_keeps_a_function_from_being_loaded_is_an_init_error() {
    let ok = "def handler(event, context):\n    return 1\n";
    let cases = [
        (
            ok,
            "gone.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'gone': No module named 'gone'",
        ),
        (ok, "app.gone", "Runtime.HandlerNotFound", "Handler 'gone' missing on module 'app'"),
        (
            ok,
            "app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        (
            ok,
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
        ("raise KeyError('k')", "app.handler", "KeyError", "'k'"),
    ];
    each(|language| {
        for (code, handler, error_type, message) in cases {
            let outcome = language.run(&[("app.py", code)], handler, &[]);
            assert_eq!(outcome.posts[0].path, "/init/error");
            let (posted_type, posted) = outcome.error();
            assert_eq!(posted_type, error_type, "{}", language.runtime);
            assert!(posted.starts_with(message), "{posted}");
            assert_eq!(outcome.last()["requestId"], "");
            assert_eq!(outcome.status.code(), Some(1));
            assert!(outcome.log.starts_with(&format!("[ERROR] {error_type}: ")), "{}", outcome.log);
        }
    });
}

#[test]
fn logging_is_set_up_when_it_is_imported() {
    let code = r#"
import logging
logger = logging.getLogger("mine")
logger.setLevel(logging.INFO)
logger.info("loaded")
def handler(event, context):
    logger.warning("warned %d", 7)
    print("no newline", end="")
"#;
    each(|language| {
        let outcome = language.run(&[("app.py", code)], "app.handler", &[event(1, &json!(null))]);
        let lines: Vec<Vec<&str>> = outcome.log.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines[0][..1], ["[INFO]"]);
        assert_eq!(lines[0][2..], ["", "loaded"]);
        assert_eq!(lines[1][..1], ["[WARNING]"]);
        assert_eq!(lines[1][2..], ["id-1", "warned 7"]);
        assert_eq!((lines[1][1].len(), lines[1][1].ends_with('Z')), ("2024-01-01T00:00:00.000Z".len(), true));
        assert_eq!(lines[2], ["no newline"]);
        assert_eq!(outcome.posts[0].body, b"null");
    });
}

#[test]
fn the_path_is_lambdas_and_shows_no_packages_of_the_host() {
    let code = "import sys\ndef handler(event, context):\n    return sys.path\n";
    each(|language| {
        let outcome = language.run(&[("app.py", code)], "app.handler", &[event(1, &json!(null))]);
        let path: Vec<String> = serde_json::from_value(outcome.last()).unwrap();
        assert!(path[0].ends_with("/task"), "{path:?}");
        assert_eq!(path[1], format!("/opt/python/lib/{}/site-packages", language.runtime));
        assert_eq!(path[2], "/opt/python");
        let plan = language.host.plan(&request(language.runtime)).unwrap();
        for folder in path[3..].iter().filter(|folder| folder.ends_with("-packages")) {
            let is_masked = plan.masks.iter().any(|mask| {
                let below = mask.strip_prefix("/var/lang").unwrap_or(mask);
                Path::new(folder).ends_with(below.strip_prefix("/").unwrap_or(below))
            });
            assert!(is_masked, "{folder} of {} is not masked", language.runtime);
        }
    });
}
