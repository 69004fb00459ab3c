//! Node.js's bootstrap.

use super::*;

fn each(check: impl Fn(&Language)) {
    for language in languages("nodejs") {
        check(&language);
    }
}

fn has_callbacks(language: &Language) -> bool {
    language.runtime != "nodejs24.x"
}

#[test]
fn events_are_answered_one_after_another_with_their_own_context() {
    let code = r#"
        let count = 0;
        exports.handler = async (event, context) => {
            console.log("first\nsecond", ++count);
            return [event, count, context.awsRequestId, context.functionName, context.invokedFunctionArn,
                context.getRemainingTimeInMillis() > 0, process.env._X_AMZN_TRACE_ID ?? null];
        };"#;
    let big = "ü".repeat(700_000);
    each(|language| {
        let outcome = language.run(
            &[("app.js", code)],
            "app.handler",
            &[event(1, &json!({"a": "é"})), event(2, &json!(big))],
        );
        let answers: Vec<Value> =
            outcome.posts.iter().map(|post| serde_json::from_slice(&post.body).unwrap()).collect();
        let (arn, name) = ("arn:of:function", "function");
        assert_eq!(answers[0], json!([{"a": "é"}, 1, "id-1", name, arn, true, "Root=1-1"]));
        assert_eq!(answers[1], json!([big, 2, "id-2", name, arn, true, null]));
        assert_eq!(outcome.posts[1].path, "/invocation/id-2/response");
        let lines: Vec<&str> = outcome.log.lines().collect();
        assert!(lines[0].ends_with("Z\tid-1\tINFO\tfirst\rsecond 1"), "{}", outcome.log);
        assert!(lines[1].ends_with("Z\tid-2\tINFO\tfirst\rsecond 2"), "{}", outcome.log);
    });
}

#[test]
fn handlers_are_found_in_all_kinds_of_modules() {
    let (common, module) =
        ("exports.a = { b: async () => 'common' };", "export const a = { b: async () => import.meta.url };");
    let package = r#"{"type": "module"}"#;
    let cases: [(Files<'_>, &str, &str); 6] = [
        (&[("app.js", common)], "app.a.b", "common"),
        (&[("app.cjs", common)], "app.a.b", "common"),
        (&[("src/deep/app.js", common)], "src/deep/app.a.b", "common"),
        (&[("app.mjs", module)], "app.a.b", "/task/app.mjs"),
        (&[("app.js", module), ("package.json", package)], "app.a.b", "/task/app.js"),
        (&[("node_modules/lib/index.js", common)], "lib.a.b", "common"),
    ];
    each(|language| {
        for (files, handler, answer) in cases {
            let outcome = language.run(files, handler, &[event(1, &json!(null))]);
            let last = outcome.last();
            assert!(
                last.as_str().is_some_and(|text| text.ends_with(answer)),
                "{handler}: {last} {}",
                outcome.log
            );
        }
    });
}

#[test]
fn callbacks_wait_for_the_event_loop_unless_told_otherwise() {
    let code = r#"
        let late = false;
        const handlers = {
            waits: (context, callback) => { setTimeout(() => { late = true; }, 50); callback(null, { get late() { return late; } }); },
            told: (context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); callback(null, "told"); },
            error: (context, callback) => { setInterval(() => {}, 1000); callback("refused"); },
            succeed: (context) => { setInterval(() => {}, 1000); context.succeed("succeeded"); },
            fail: (context) => context.fail(),
            nothing: () => {},
        };
        exports.handler = (event, context, callback) => handlers[event](context, callback);"#;
    let failed = |message: &str| json!({"errorType": "string", "errorMessage": message, "trace": []});
    let cases = [
        ("waits", json!({"late": true})),
        ("nothing", json!(null)),
        ("fail", failed("handled")),
        ("told", json!("told")),
        ("succeed", json!("succeeded")),
        ("error", failed("refused")),
    ];
    let events: Vec<Event> =
        (0..).zip(&cases).map(|(number, (name, _))| event(number, &json!(name))).collect();
    each(|language| {
        let outcome = language.run(&[("app.js", code)], "app.handler", &events);
        if !has_callbacks(language) {
            assert_eq!(outcome.error().0, "Runtime.CallbackHandlerDeprecated");
            return;
        }
        for (post, (name, answer)) in outcome.posts.iter().zip(&cases) {
            let posted: Value = serde_json::from_slice(&post.body).unwrap();
            assert_eq!(&posted, answer, "{name} on {}", language.runtime);
        }
        assert_eq!(outcome.posts.len(), cases.len(), "{}", outcome.log);
    });
}

#[test]
fn errors_are_told_also_those_that_are_no_errors_or_contain_themselves() {
    let code = r#"
        const circular = Object.assign(new RangeError("around"), { code: "E1" });
        circular.self = circular;
        const odd = new Error("odd");
        odd.name = 5;
        const errors = { typed: new TypeError("no good"), text: "just text", circular, odd };
        exports.handler = async (event) => { throw errors[event]; };"#;
    let names = ["typed", "text", "circular", "odd"];
    let events: Vec<Event> = (0..).zip(names).map(|(number, name)| event(number, &json!(name))).collect();
    each(|language| {
        let outcome = language.run(&[("app.js", code)], "app.handler", &events);
        let types: Vec<Value> = outcome
            .posts
            .iter()
            .map(|post| serde_json::from_slice::<Value>(&post.body).unwrap()["errorType"].clone())
            .collect();
        assert_eq!(types, [json!("TypeError"), json!("string"), json!("RangeError"), json!("handled")]);
        let first: Value = serde_json::from_slice(&outcome.posts[0].body).unwrap();
        assert_eq!(first["trace"][0], "TypeError: no good");
        let line = outcome.log.lines().next().unwrap();
        assert!(line.contains("\tid-0\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"no good\",\"stack\":[\"TypeError: no good\","), "{line}");
    });
}

#[test]
fn errors_that_nobody_catches_end_the_process_and_are_told() {
    let code = r#"
        exports.handler = (event) => new Promise(() => {
            if (event === "throws") setTimeout(() => { throw new TypeError("late"); }, 5);
            else Promise.reject(new Error("rejected"));
        });"#;
    each(|language| {
        let outcome = language.run(&[("app.js", code)], "app.handler", &[event(1, &json!("throws"))]);
        assert_eq!(outcome.error(), ("TypeError".to_owned(), "late".to_owned()));
        assert_eq!(outcome.status.code(), Some(129));
        assert!(outcome.log.contains("\tid-1\tERROR\tUncaught Exception \t{"), "{}", outcome.log);
        let outcome = language.run(&[("app.js", code)], "app.handler", &[event(1, &json!("rejects"))]);
        assert_eq!(
            outcome.error(),
            ("Runtime.UnhandledPromiseRejection".to_owned(), "Error: rejected".to_owned())
        );
        assert_eq!(outcome.last()["trace"][0], "Runtime.UnhandledPromiseRejection: Error: rejected");
        assert_eq!(outcome.status.code(), Some(128));
        assert!(
            outcome.log.contains("\"reason\":{\"errorType\":\"Error\",\"errorMessage\":\"rejected\""),
            "{}",
            outcome.log
        );
    });
}

#[test]
fn what_keeps_a_function_from_being_loaded_is_an_init_error() {
    let ok = "exports.handler = async () => 1; exports.text = 'text';";
    let cases = [
        (ok, "gone.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'gone'"),
        (ok, "app.gone", "Runtime.HandlerNotFound", "app.gone is undefined or not exported"),
        (ok, "app.text", "Runtime.HandlerNotFound", "app.text is not a function"),
        (ok, "app", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            ok,
            "../app.handler",
            "Runtime.MalformedHandlerName",
            "'../app.handler' is not a valid handler name.",
        ),
        (
            "exports.handler = ;",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "SyntaxError: Unexpected token ';'",
        ),
        (
            "require('missing');",
            "app.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'missing'",
        ),
        ("throw new RangeError('load');", "app.handler", "RangeError", "load"),
    ];
    each(|language| {
        for (code, handler, error_type, message) in cases {
            let outcome = language.run(&[("app.js", code)], handler, &[]);
            assert_eq!(outcome.posts[0].path, "/init/error");
            let (posted_type, posted) = outcome.error();
            assert_eq!(posted_type, error_type, "{}", language.runtime);
            assert!(posted.starts_with(message), "{posted}");
            assert_eq!(outcome.status.code(), Some(129));
            assert!(outcome.log.contains("\tundefined\tERROR\tUncaught Exception \t{"), "{}", outcome.log);
        }
    });
}
