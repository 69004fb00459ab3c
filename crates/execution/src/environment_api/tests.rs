//! A client of the APIs for their tests: one connection per call.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::extensions_api::FunctionMetadata;

/// The function of the tests.
pub(crate) fn function() -> FunctionMetadata {
    FunctionMetadata {
        name: "f".into(),
        version: "$LATEST".into(),
        handler: "app.handler".into(),
        account_id: "000000000000".into(),
    }
}

/// Sends a request and gives the whole answer; `headers` end in a line break each.
pub(crate) async fn call(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> String {
    let announced = body.len();
    send(
        to,
        &format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {announced}\r\n\r\n{body}"
        ),
    )
    .await
}

/// The same for a request in the test's own words.
pub(crate) async fn send(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
