//! The Runtime API over real sockets, one connection per call unless a test is about keeping one.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use lambda_model::{concurrency::Rate, invocation::Invocation};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc::UnboundedReceiver};

use super::{Delivery, RuntimeEvent};
use crate::{
    environment_api::{EnvironmentApi, tests::call},
    telemetry_api::Telemetry,
};

/// As fast as it goes.
const RATE: Rate = Rate { burst: 1e9, per_second: 1e9 };

struct Fixture {
    api: EnvironmentApi,
    events: UnboundedReceiver<RuntimeEvent>,
    address: std::net::SocketAddr,
}

impl Fixture {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (api, events) = EnvironmentApi::serve(listener, RATE, Arc::new(Telemetry::new().0)).unwrap();
        Self { api, events, address }
    }

    fn deliver(&self, request_id: &str) {
        let invocation = Arc::new(Invocation {
            request_id: request_id.into(),
            payload: Bytes::from_static(b"{\"k\":1}"),
            invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
            trace_id: Some("Root=1-0-0".into()),
            client_context: None,
            cognito_identity: None,
            wants_log_tail: false,
            response_stream: None,
            is_patient: false,
        });
        self.api.shared.runtime.deliver(Delivery { invocation, deadline_ms: 1234 });
    }

    async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        call(self.address, method, &format!("/2018-06-01/runtime/{path}"), headers, body).await
    }

    async fn next_event(&mut self) -> RuntimeEvent {
        tokio::time::timeout(Duration::from_secs(5), self.events.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn r_02_next_carries_the_event_and_leaves_empty_headers_out() {
    let fixture = Fixture::start();
    fixture.deliver("id-1");
    let answer = fixture.call("GET", "invocation/next", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("lambda-runtime-aws-request-id: id-1\r\n"), "{answer}");
    assert!(answer.contains("lambda-runtime-deadline-ms: 1234\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(!answer.contains("client-context"), "{answer}");
    assert!(answer.ends_with("{\"k\":1}"), "{answer}");
}

#[tokio::test]
async fn an_answer_may_ask_for_the_next_event() {
    const THEN: &str = "Lambent-Runtime-Then: next\r\n";
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Ready));
    let wrong = fixture.call("POST", "invocation/id-2/response", THEN, "\"done\"").await;
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("InvalidRequestID"), "{wrong}");
    let address = fixture.address;
    let path = "/2018-06-01/runtime/invocation/id-1/response";
    let answers = tokio::spawn(async move { call(address, "POST", path, THEN, "\"done\"").await });
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Response(body) if body == "\"done\""));
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Ready), "without another call");
    fixture.deliver("id-2");
    let then = answers.await.unwrap();
    assert!(then.starts_with("HTTP/1.1 200") && then.contains("request-id: id-2\r\n"), "{then}");
    assert!(then.ends_with("{\"k\":1}"), "{then}");
}

#[tokio::test]
async fn r_03_r_06_a_response_is_accepted_once() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    let answer = fixture.call("POST", "invocation/id-1/response", "", "\"done\"").await;
    assert!(answer.starts_with("HTTP/1.1 202") && answer.ends_with("{\"status\":\"OK\"}"), "{answer}");
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Ready));
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Response(body) if body == "\"done\""));
    let again = fixture.call("POST", "invocation/id-1/response", "", "\"twice\"").await;
    assert!(again.starts_with("HTTP/1.1 400") && again.contains("InvalidRequestID"), "{again}");
}

#[tokio::test]
async fn r_04_the_id_is_checked_before_the_state() {
    let fixture = Fixture::start();
    let answer = fixture.call("POST", "invocation/unknown/response", "", "1").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.contains(r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn r_05_an_init_error_after_next_is_refused() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let answer = fixture.call("POST", "init/error", "", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("InvalidStateTransition"), "{answer}");
    assert!(answer.contains("State transition from Running to InitError failed for runtime."), "{answer}");
}

#[tokio::test]
async fn r_07_an_oversized_response_gets_413_and_the_runtime_may_go_on() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let answer =
        fixture.call("POST", "invocation/id-1/response", "", &"x".repeat(6 * 1024 * 1024 + 101)).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("Exceeded maximum allowed payload size (6291556 bytes)."), "{answer}");
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Oversized { bytes_max: 6_291_556 }));
    fixture.deliver("id-2");
    let next = fixture.call("GET", "invocation/next", "", "").await;
    assert!(next.contains("id-2"), "{next}");
}

#[tokio::test]
async fn r_07_the_largest_allowed_response_passes() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let answer =
        fixture.call("POST", "invocation/id-1/response", "", &"x".repeat(6 * 1024 * 1024 + 100)).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(matches!(fixture.next_event().await, RuntimeEvent::Response(body) if body.len() == 6_291_556));
}

#[tokio::test]
async fn r_08_a_truncated_body_fails_the_invocation() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let event = fixture.next_event().await;
    assert!(matches!(event, RuntimeEvent::Broken { error_type: "Runtime.TruncatedResponse" }), "{event:?}");
}

#[tokio::test]
async fn r_09_an_unknown_response_mode_is_refused() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let mode = "Lambda-Runtime-Function-Response-Mode: buffered\r\n";
    let answer = fixture.call("POST", "invocation/id-1/response", mode, "1").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("InvalidFunctionResponseMode"), "{answer}");
}

#[tokio::test]
async fn r_10_r_11_errors_pass_through_and_types_are_sanitised() {
    let mut fixture = Fixture::start();
    let forged = "Lambda-Runtime-Function-Error-Type: Function.forged\r\n";
    let answer = fixture.call("POST", "init/error", forged, "{\"errorType\":\"X\"}").await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    match fixture.next_event().await {
        RuntimeEvent::InitError { error_type, body } => {
            assert_eq!(error_type, "Function.Unknown");
            assert_eq!(body, "{\"errorType\":\"X\"}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r_12_an_error_may_tell_its_cause() {
    const CAUSE: &str = r#"{"exceptions":[],"working_directory":"","paths":["a"]}"#;
    let kind = "Content-Type: application/vnd.aws.lambda.error.cause+json\r\n";
    let header = format!("Lambda-Runtime-Function-XRay-Error-Cause: {CAUSE}\r\n");
    let with_cause = format!(r#"{{"errorMessage":"m","errorType":"T","other":1,"errorCause":{CAUSE}}}"#);
    for (headers, body, passed_on, cause) in [
        (&*header, "\"as it is\"", "\"as it is\"", Some(CAUSE)),
        ("Lambda-Runtime-Function-XRay-Error-Cause: {}\r\n", "1", "1", None),
        (kind, &with_cause, r#"{"errorMessage":"m","errorType":"T"}"#, Some(CAUSE)),
        (kind, r#"{"stackTrace":["a"]}"#, r#"{"errorMessage":"","errorType":"","stackTrace":["a"]}"#, None),
        (kind, r#"{"stackTrace":"a"}"#, "\"Invalid error body\"", None),
        (kind, "no json", "\"Invalid error body\"", None),
    ] {
        let mut fixture = Fixture::start();
        fixture.deliver("id-1");
        fixture.call("GET", "invocation/next", "", "").await;
        fixture.next_event().await;
        let answer = fixture.call("POST", "invocation/id-1/error", headers, body).await;
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        assert!(matches!(fixture.next_event().await, RuntimeEvent::Error(error) if error == passed_on));
        let kept = fixture.api.shared.runtime.take_error_cause();
        assert_eq!(kept.map(|cause| serde_json::to_string(&cause).unwrap()).as_deref(), cause, "{body}");
    }
}

#[tokio::test]
async fn r_01_every_api_has_its_prefix() {
    let fixture = Fixture::start();
    for path in ["/ping", "/2018-06-01/ping"] {
        let answer = call(fixture.address, "GET", path, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("pong"), "{answer}");
    }
    for (method, path, status) in [
        ("POST", "/2018-06-01/runtime/init/error", "202"),
        ("POST", "/2020-01-01/extension/register", "403"),
        ("PUT", "/2020-08-15/logs", "403"),
        ("PUT", "/2022-07-01/telemetry", "403"),
        ("GET", "/2018-06-01/extension/register", "404"),
        ("GET", "/runtime/invocation/next", "404"),
        ("GET", "/2021-04-23/credentials", "404"),
    ] {
        let answer = call(fixture.address, method, path, "", "{}").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn r_14_a_second_next_does_not_take_the_same_event() {
    let mut fixture = Fixture::start();
    fixture.deliver("id-1");
    fixture.call("GET", "invocation/next", "", "").await;
    fixture.next_event().await;
    let second =
        tokio::time::timeout(Duration::from_millis(100), fixture.call("GET", "invocation/next", "", ""))
            .await;
    assert!(second.is_err(), "the event was given twice: {second:?}");
    let answer = fixture.call("POST", "invocation/id-1/response", "", "1").await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}
