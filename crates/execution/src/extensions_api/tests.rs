//! The Extensions API over real sockets.

use std::{sync::Arc, time::Duration};

use lambda_model::{concurrency::Rate, environment::ShutdownReason};
use serde_json::{Value, json};

use super::{Extensions, InvokeEvent};
use crate::{
    environment_api::{
        EnvironmentApi,
        tests::{call, function},
    },
    telemetry_api::Telemetry,
};

const RATE: Rate = Rate { burst: 1e9, per_second: 1e9 };

struct Fixture {
    api: EnvironmentApi,
    address: std::net::SocketAddr,
}

/// Status, headers and body of an answer.
struct Answer(String);

impl Answer {
    fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.0.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    }

    fn error_type(&self) -> String {
        assert_eq!(self.status(), "403", "{}", self.0);
        self.json()["errorType"].as_str().unwrap().to_owned()
    }
}

impl Fixture {
    fn with_external(names: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (api, _events) = EnvironmentApi::serve(listener, RATE, Arc::new(Telemetry::new().0)).unwrap();
        api.shared.extensions.function.set(function()).unwrap();
        api.shared.extensions.begin(names.iter().map(|name| (*name).to_owned()));
        Self { api, address }
    }

    fn extensions(&self) -> &Extensions {
        &self.api.shared.extensions
    }

    async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let path = format!("/2020-01-01/extension/{path}");
        Answer(call(self.address, method, &path, headers, body).await)
    }

    async fn register(&self, name: &str, body: &Value) -> Answer {
        let header = format!("Lambda-Extension-Name: {name}\r\n");
        self.call("POST", "register", &header, &body.to_string()).await
    }

    /// Registers and gives the header that names the extension from then on.
    async fn registered(&self, name: &str, events: &[&str]) -> String {
        let answer = self.register(name, &json!({ "events": events })).await;
        assert_eq!(answer.status(), "200", "{}", answer.0);
        let id = answer.header("lambda-extension-identifier").unwrap();
        format!("Lambda-Extension-Identifier: {id}\r\n")
    }

    fn waiting(&self, id: &str) -> tokio::task::JoinHandle<Answer> {
        let (address, id) = (self.address, id.to_owned());
        tokio::spawn(async move {
            Answer(call(address, "GET", "/2020-01-01/extension/event/next", &id, "").await)
        })
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never so");
}

fn invoke_event(request_id: &str) -> InvokeEvent<'_> {
    InvokeEvent { request_id, invoked_function_arn: "arn:f", trace_id: Some("Root=1-a-b"), deadline_ms: 7 }
}

#[tokio::test]
async fn x_02_registration_tells_of_the_function() {
    let fixture = Fixture::with_external(&["ext"]);
    assert!(!fixture.extensions().all_registered());
    let answer = fixture.register("ext", &json!({ "events": ["INVOKE", "SHUTDOWN"] })).await;
    assert_eq!(answer.status(), "200");
    assert!(uuid::Uuid::parse_str(answer.header("lambda-extension-identifier").unwrap()).is_ok());
    let plain = json!({ "functionName": "f", "functionVersion": "$LATEST", "handler": "app.handler" });
    assert_eq!(answer.json(), plain);
    assert!(fixture.extensions().all_registered());
    let header = "Lambda-Extension-Name: inner\r\nLambda-Extension-Accept-Feature: x, accountId\r\n";
    let answer = fixture.call("POST", "register", header, "{}").await;
    assert_eq!(answer.json()["accountId"], "000000000000");
}

#[tokio::test]
async fn x_03_internal_extensions_hear_of_invocations_only() {
    let fixture = Fixture::with_external(&["ext"]);
    let refused = fixture.register("inner", &json!({ "events": ["SHUTDOWN"] })).await;
    assert_eq!(refused.error_type(), "Extension.InvalidEventType");
    let refused = fixture.register("ext", &json!({ "events": ["RESTORE"] })).await;
    assert_eq!(refused.error_type(), "Extension.InvalidEventType");
    fixture.registered("inner", &["INVOKE"]).await;
}

#[tokio::test]
async fn x_04_every_wrong_call_has_its_error() {
    let fixture = Fixture::with_external(&["ext"]);
    let next = async |header: &str| fixture.call("GET", "event/next", header, "").await.error_type();
    assert_eq!(next("").await, "Extension.MissingExtensionIdentifier");
    let malformed = "Lambda-Extension-Identifier: 12\r\n";
    assert_eq!(next(malformed).await, "Extension.InvalidExtensionIdentifier");
    let unknown = format!("Lambda-Extension-Identifier: {}\r\n", uuid::Uuid::nil());
    assert_eq!(next(&unknown).await, "Extension.UnknownExtensionIdentifier");
    let nameless = fixture.call("POST", "register", "", "{}").await;
    assert_eq!(nameless.error_type(), "Extension.InvalidExtensionName");
    let header = "Lambda-Extension-Name: ext\r\n";
    for body in ["{", "[]", r#"{"events": "INVOKE"}"#, r#"{"configurationKeys": ["a"]}"#] {
        let answer = fixture.call("POST", "register", header, body).await;
        assert_eq!(answer.error_type(), "InvalidRequestFormat", "{body}");
    }
    let id = fixture.registered("ext", &["INVOKE"]).await;
    let again = fixture.register("ext", &json!({})).await;
    assert_eq!(again.error_type(), "Extension.InvalidExtensionState");
    for path in ["init/error", "exit/error"] {
        assert_eq!(fixture.call("POST", path, &id, "").await.error_type(), "Extension.MissingHeader");
    }
    for n in 0..9 {
        fixture.registered(&format!("inner-{n}"), &[]).await;
    }
    let eleventh = fixture.register("inner-10", &json!({})).await;
    assert_eq!(eleventh.error_type(), "Extension.TooManyExtensions");
    fixture.extensions().close();
    let late = fixture.register("late", &json!({})).await;
    assert_eq!(late.error_type(), "Extension.RegistrationClosed");
    let answer = fixture.call("POST", "event/next", &id, "").await;
    assert_eq!(answer.status(), "405");
}

#[tokio::test]
async fn x_05_events_reach_those_who_asked_for_them() {
    let fixture = Fixture::with_external(&["all", "end", "none"]);
    let all = fixture.registered("all", &["INVOKE", "SHUTDOWN"]).await;
    let end = fixture.registered("end", &["SHUTDOWN"]).await;
    let none = fixture.registered("none", &[]).await;
    let (first, waits, never) = (fixture.waiting(&all), fixture.waiting(&end), fixture.waiting(&none));
    until(|| fixture.extensions().all_ready()).await;
    fixture.extensions().deliver_invoke(&invoke_event("id-1"));
    assert!(!fixture.extensions().all_ready());
    let event = first.await.unwrap();
    assert!(event.header("lambda-extension-event-identifier").is_some());
    let expected = json!({
        "eventType": "INVOKE", "deadlineMs": 7, "requestId": "id-1", "invokedFunctionArn": "arn:f",
        "tracing": { "type": "X-Amzn-Trace-Id", "value": "Root=1-a-b" },
    });
    assert_eq!(event.json(), expected);
    // A call while the last is not answered is refused.
    assert_eq!(fixture.waiting(&end).await.unwrap().error_type(), "Extension.InvalidExtensionState");
    // The end reaches also who is still busy.
    let told = fixture.extensions().deliver_shutdown(ShutdownReason::Timeout, 9);
    assert_eq!(told, ["all", "end"]);
    let expected = json!({ "eventType": "SHUTDOWN", "deadlineMs": 9, "shutdownReason": "timeout" });
    assert_eq!(waits.await.unwrap().json(), expected);
    assert_eq!(fixture.waiting(&all).await.unwrap().json(), expected);
    assert!(!never.is_finished());
    never.abort();
}

#[tokio::test]
async fn x_06_the_first_report_names_the_failure() {
    let fixture = Fixture::with_external(&["ext"]);
    assert_eq!(fixture.extensions().failure(), "Extension.Crash");
    let id = fixture.registered("ext", &["INVOKE"]).await;
    let header = format!("{id}Lambda-Extension-Function-Error-Type: My.Reason\r\n");
    for _ in 0..2 {
        let answer = fixture.call("POST", "init/error", &header, r#"{"errorMessage": "m"}"#).await;
        assert_eq!((answer.status(), answer.json()), ("202", json!({ "status": "OK" })));
    }
    assert_eq!(fixture.extensions().failure(), "Extension.InitError");
    // Its process is what counts: it may still be tidying up.
    assert_eq!(fixture.extensions().internal_failure(), None);
    let init = fixture.extensions().inits().remove(0);
    assert_eq!((init.state, init.error_type.as_deref()), ("InitError", Some("My.Reason")));
    let inner = fixture.registered("inner", &[]).await;
    let header = format!("{inner}Lambda-Extension-Function-Error-Type: x\r\n");
    assert_eq!(fixture.call("POST", "exit/error", &header, "").await.status(), "202");
    assert_eq!(fixture.extensions().internal_failure(), Some("Extension.InitError"));
}

#[tokio::test]
async fn whoever_waits_from_before_an_initialization_is_nobody_any_more() {
    let fixture = Fixture::with_external(&["ext"]);
    let id = fixture.registered("ext", &["INVOKE"]).await;
    let waits = fixture.waiting(&id);
    until(|| fixture.extensions().all_ready()).await;
    let shared = Arc::clone(&fixture.api.shared);
    shared.extensions.begin(["ext".to_owned()]);
    assert_eq!(waits.await.unwrap().error_type(), "Extension.UnknownExtensionIdentifier");
}
