//! A call from the command line to a running server.

use std::io::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Client, CommandError};

/// What to call.
pub(super) struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub body: Option<&'a str>,
}

/// A value as a part of a path or of a query.
pub(super) fn encoded(value: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
}

/// Makes the call and copies the answer to standard output as it comes. A function error or an error status is a failure.
pub(super) fn copy_to_stdout(client: &Client, call: &Call<'_>) -> Result<(), CommandError> {
    block_on(async { copy(client, call).await.map_err(|error| unreachable(client, &*error))? })
}

/// Runs a command that talks to the server.
pub(super) fn block_on(command: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    runtime.block_on(command)
}

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The server could not be asked.
pub(super) fn unreachable(client: &Client, error: &(dyn std::error::Error + Send + Sync)) -> CommandError {
    CommandError::Failed(format!("{}: {error} (is the server running? lambent serve)", client.endpoint))
}

/// Makes the call; the answer's body is still to be read.
///
/// # Errors
/// When the server cannot be reached or breaks off.
pub(super) async fn send(client: &Client, call: &Call<'_>) -> Result<Response<Incoming>, BoxError> {
    let authority = client.endpoint.strip_prefix("http://").ok_or("no endpoint: http://HOST:PORT is")?;
    let authority = authority.trim_end_matches('/');
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{}/lambda/aws4_request, SignedHeaders=host, Signature=0",
        client.account_id, client.region
    );
    let request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(header::HOST, authority)
        .header(header::AUTHORIZATION, scope)
        .body(Full::new(Bytes::from(call.body.unwrap_or_default().to_owned())))?;
    Ok(sender.send_request(request).await?)
}

/// Makes the call and reads the whole answer.
///
/// # Errors
/// See [`send`].
pub(super) async fn whole(client: &Client, call: &Call<'_>) -> Result<(StatusCode, Bytes), BoxError> {
    let response = send(client, call).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

async fn copy(client: &Client, call: &Call<'_>) -> Result<Result<(), CommandError>, BoxError> {
    let response = send(client, call).await?;
    let status = response.status();
    let failed = !status.is_success() || response.headers().contains_key("x-amz-function-error");
    let mut body = response.into_body();
    let mut stdout = std::io::stdout().lock();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            stdout.write_all(&data)?;
            stdout.flush()?;
        }
    }
    Ok(if failed { Err(CommandError::Failed(format!("the call failed ({status})"))) } else { Ok(()) })
}
