//! Telemetry over real sockets: subscribing, and what arrives where.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use lambda_model::{
    concurrency::Rate,
    environment::{Buffering, Category},
    platform_log::{PlatformEvent, Start},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use super::{MakeSockets, Telemetry, buffer::Buffer};
use crate::environment_api::{EnvironmentApi, tests::call};

const RATE: Rate = Rate { burst: 1e9, per_second: 1e9 };

/// Sockets of the test's own network.
struct OwnSockets;

impl MakeSockets for OwnSockets {
    fn stream(&self) -> io::Result<std::net::TcpStream> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        Ok(socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?.into())
    }
}

struct Fixture {
    _api: EnvironmentApi,
    address: SocketAddr,
    telemetry: Arc<Telemetry>,
    id: String,
}

impl Fixture {
    async fn with_extension() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let telemetry = Arc::new(Telemetry::new().0);
        let (api, _events) = EnvironmentApi::serve(listener, RATE, Arc::clone(&telemetry)).unwrap();
        api.shared.extensions.begin(["ext".to_owned()]);
        telemetry.begin();
        let provided: Result<(), Infallible> = telemetry.provide_sockets(|| Ok(Box::new(OwnSockets)));
        provided.unwrap();
        let name = "Lambda-Extension-Name: ext\r\n";
        let answer = call(address, "POST", "/2020-01-01/extension/register", name, "{}").await;
        let id = answer.lines().find(|line| line.starts_with("lambda-extension-identifier")).unwrap();
        Self { _api: api, address, telemetry, id: format!("{id}\r\n") }
    }

    async fn put(&self, path: &str, body: &Value) -> String {
        call(self.address, "PUT", path, &self.id, &body.to_string()).await
    }

    async fn subscribe(&self, types: &[&str], destination: Value) {
        let body = json!({
            "schemaVersion": "2022-12-13", "types": types, "destination": destination,
            "buffering": { "timeoutMs": 25, "maxItems": 1000, "maxBytes": 262_144 },
        });
        let answer = self.put("/2022-07-01/telemetry", &body).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"OK\""), "{answer}");
    }

    fn start(&self, request_id: &str) {
        let start = Start { request_id: request_id.into(), version: "1".into(), tracing: None };
        self.telemetry.tell(&PlatformEvent::Start(start));
    }
}

/// A consumer that takes what is posted to it; answers the first so many batches with an error.
async fn consumer(mut refusals: usize) -> (u16, tokio::sync::mpsc::UnboundedReceiver<(String, Vec<Value>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            while let Some((head, body)) = request(&mut stream).await {
                let status = if refusals > 0 { "500 No" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                if refusals > 0 {
                    refusals -= 1;
                } else {
                    sender.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
                }
            }
        }
    });
    (port, received)
}

async fn request(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

#[tokio::test]
async fn t_03_events_come_in_batches_also_those_from_before_the_subscription() {
    let fixture = Fixture::with_extension().await;
    fixture.start("before");
    fixture.telemetry.printed(Category::Function, "not asked for\n");
    let (port, mut received) = consumer(0).await;
    let uri = format!("http://sandbox.localdomain:{port}/logs?a=b");
    fixture.subscribe(&["platform", "extension"], json!({ "protocol": "HTTP", "URI": uri })).await;
    fixture.telemetry.printed(Category::Extension, "line\n");
    let (mut head, mut events) = received.recv().await.unwrap();
    while events.len() < 2 {
        let (next, more) = received.recv().await.unwrap();
        head = next;
        events.extend(more);
    }
    assert!(head.starts_with("POST /logs?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    assert_eq!(events[0]["type"], "platform.start");
    assert_eq!(events[0]["record"], json!({ "requestId": "before", "version": "1" }));
    assert_eq!((&events[1]["type"], &events[1]["record"]), (&json!("extension"), &json!("line\n")));
    let time = events[1]["time"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
}

#[tokio::test]
async fn t_05_what_is_refused_is_sent_again() {
    let fixture = Fixture::with_extension().await;
    let (port, mut received) = consumer(2).await;
    let uri = format!("http://sandbox:{port}");
    fixture.subscribe(&["platform"], json!({ "protocol": "HTTP", "URI": uri })).await;
    fixture.start("again");
    let (_, events) = received.recv().await.unwrap();
    assert_eq!(events[0]["record"]["requestId"], "again");
}

#[tokio::test]
async fn t_01_lines_go_to_a_port_that_opens_later() {
    let fixture = Fixture::with_extension().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    fixture.subscribe(&["function"], json!({ "protocol": "TCP", "port": port })).await;
    fixture.telemetry.printed(Category::Function, "one\n");
    fixture.telemetry.printed(Category::Function, "two\n");
    tokio::time::sleep(Duration::from_millis(60)).await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    for expected in ["one\n", "two\n"] {
        let line: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(line["record"], expected);
    }
}

#[tokio::test]
async fn t_05_one_api_each_and_only_in_the_initialization() {
    let fixture = Fixture::with_extension().await;
    let tcp = json!({ "protocol": "TCP", "port": 1 });
    fixture.subscribe(&["platform"], tcp.clone()).await;
    // The same again changes nothing.
    fixture.subscribe(&["platform"], tcp.clone()).await;
    let body = json!({ "types": ["platform"], "destination": tcp });
    let answer = fixture.put("/2020-08-15/logs", &body).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Logs.ValidationError"), "{answer}");
    fixture.telemetry.close();
    let answer = fixture.put("/2020-08-15/logs", &body).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("Logs.SubscriptionClosed"), "{answer}");
    let stranger = format!("Lambda-Extension-Identifier: {}\r\n", uuid::Uuid::nil());
    let answer = call(fixture.address, "PUT", "/2022-07-01/telemetry", &stranger, "{}").await;
    assert!(answer.contains("Extension.UnknownExtensionIdentifier"), "{answer}");
    let answer = call(fixture.address, "GET", "/2022-07-01/telemetry", &fixture.id, "").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[tokio::test]
async fn t_05_a_buffer_is_bounded_and_counts_what_it_drops() {
    let buffer = Buffer::new(Buffering { items_max: 10, bytes_max: 100, timeout_ms: 30_000 });
    for _ in 0..50 {
        buffer.push("0123456789");
    }
    let (batch, dropped) = buffer.next_batch().await;
    assert_eq!(batch.len(), 10);
    let dropped = dropped.unwrap();
    assert_eq!((dropped.records, dropped.bytes), (30, 300));
    let (batch, dropped) = buffer.next_batch().await;
    assert_eq!((batch.len(), dropped), (10, None));
    // Less than a batch waits until it is flushed.
    buffer.push("x");
    assert!(tokio::time::timeout(Duration::from_millis(50), buffer.next_batch()).await.is_err());
    buffer.is_delivered();
    buffer.is_delivered();
    let flush = buffer.flush();
    let take = async {
        let (batch, _) = buffer.next_batch().await;
        buffer.is_delivered();
        batch
    };
    let ((), batch) = tokio::join!(flush, take);
    assert_eq!(batch, ["x"]);
}
