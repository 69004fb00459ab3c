//! Doors for the fuzz targets of `fuzz/`, built by them only (`cfg(fuzzing)`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{sync::Arc, time::Duration};

use lambda_model::{concurrency::Rate, invocation::Invocation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    environment_api::{Shared, serve_connection},
    extensions_api::FunctionMetadata,
    runtime_api::Delivery,
    telemetry_api::Telemetry,
};

/// Which calls the bytes are made into.
#[derive(Clone, Copy)]
pub enum Api {
    /// The Runtime API's.
    Runtime,
    /// The Extensions API's.
    Extensions,
    /// The Telemetry API's and the Logs API's.
    Telemetry,
    /// None: they are sent as they are.
    Bytes,
}

/// As fast as it goes.
const RATE: Rate = Rate { burst: 1e9, per_second: 1e9 };
/// Some calls wait for events that do not come.
const PATIENCE: Duration = Duration::from_millis(15);
/// What a connection holds of what nobody read yet, in bytes; the largest input fits.
const BUFFER: usize = 1 << 16;
/// How often the server's task has its turn before the caller hangs up; an answer takes one or two.
const TURNS: usize = 16;
const REQUEST_ID: &str = "8f507cfc-xmpl-4697-b07a-ac58fc914c95";

/// Makes a call of `data` and looks whether the server still answers.
pub fn call(api: Api, data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (telemetry, _subscriptions) = Telemetry::new();
        let (server, _events) = Shared::new(RATE, Arc::new(telemetry));
        server.runtime.deliver(Delivery { invocation: invocation(), deadline_ms: 1 });
        server.extensions.begin(["external".to_owned()]);
        let identifier = registered(&server).await;
        send(
            &server,
            b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
        send(&server, &request(api, data, &identifier)).await;
        let answer = send(&server, b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.ends_with(b"pong"), "the server answers no more");
    });
}

/// Method and path by the first two bytes, headers up to the next 0xff, the body behind it.
fn request(api: Api, data: &[u8], identifier: &str) -> Vec<u8> {
    const METHODS: [&str; 4] = ["POST", "GET", "PUT", "DELETE"];
    let paths: &[&str] = match api {
        Api::Bytes => return data.to_vec(),
        Api::Runtime => &[
            "/2018-06-01/runtime/invocation/next",
            "/2018-06-01/runtime/invocation/8f507cfc-xmpl-4697-b07a-ac58fc914c95/response",
            "/2018-06-01/runtime/invocation/8f507cfc-xmpl-4697-b07a-ac58fc914c95/error",
            "/2018-06-01/runtime/init/error",
            "/2018-06-01/runtime/restore/next",
        ],
        Api::Extensions => &[
            "/2020-01-01/extension/register",
            "/2020-01-01/extension/event/next",
            "/2020-01-01/extension/init/error",
            "/2020-01-01/extension/exit/error",
        ],
        Api::Telemetry => &["/2022-07-01/telemetry", "/2020-08-15/logs"],
    };
    let (method, path, rest) = match data {
        [method, path, rest @ ..] => (usize::from(*method), usize::from(*path), rest),
        _ => (0, 0, data),
    };
    let (method, path) = (METHODS[method % METHODS.len()], paths[path % paths.len()]);
    let at = rest.iter().position(|byte| *byte == 0xff).unwrap_or(0);
    let (headers, body) = rest.split_at(at);
    let length = body.len();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\nLambda-Extension-Identifier: {identifier}\r\n"
    )
    .into_bytes();
    request.extend(headers);
    request.extend(b"\r\n\r\n");
    request.extend(body);
    request
}

async fn registered(server: &Arc<Shared>) -> String {
    let body = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
    let request = format!(
        "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nLambda-Extension-Name: external\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = String::from_utf8(send(server, request.as_bytes()).await).unwrap();
    let lines = answer.lines().filter_map(|line| line.split_once(": "));
    let mut identifiers = lines.filter(|(name, _)| name.eq_ignore_ascii_case("lambda-extension-identifier"));
    identifiers.next().expect("registered").1.to_owned()
}

/// Over a connection of its own, in memory: the kernel keeps a port for a minute, and there are thousands of calls a second.
async fn send(server: &Arc<Shared>, request: &[u8]) -> Vec<u8> {
    let (mut stream, other) = tokio::io::duplex(BUFFER);
    let serving = tokio::spawn(serve_connection(other, Arc::clone(server)));
    let mut answer = Vec::new();
    // The server may be done with a connection before all was written.
    let _ = stream.write_all(request).await;
    // A call whose caller is gone is dropped, so it is answered before its end is seen.
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    serving.abort();
    answer
}

fn invocation() -> Arc<Invocation> {
    Arc::new(Invocation {
        request_id: REQUEST_ID.into(),
        payload: hyper::body::Bytes::from_static(b"{}"),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
        trace_id: None,
        client_context: None,
        cognito_identity: None,
        wants_log_tail: false,
        response_stream: None,
        is_patient: false,
    })
}

fn function() -> FunctionMetadata {
    FunctionMetadata {
        name: "f".into(),
        version: "$LATEST".into(),
        handler: "app.handler".into(),
        account_id: "000000000000".into(),
    }
}
