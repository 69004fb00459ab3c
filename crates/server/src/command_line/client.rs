//! A call from the command line to a running server.

use std::io::Write;

use aws_api::sigv4;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Client, CommandError};
use crate::clock;

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
    let body = Bytes::from(call.body.unwrap_or_default().to_owned());
    let mut request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(header::HOST, authority)
        .header("x-amz-date", sigv4::timestamp(clock::unix_seconds()))
        .body(Full::new(body.clone()))?;
    let authorization = signature(client, &request, &body);
    request.headers_mut().insert(header::AUTHORIZATION, authorization.parse()?);
    Ok(sender.send_request(request).await?)
}

/// Signs with the root key, if the environment has it; else as the account alone, which a server with `--auth off` believes.
fn signature(client: &Client, request: &Request<Full<Bytes>>, body: &[u8]) -> String {
    let of_environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let secret = of_environment("LAMBENT_ROOT_SECRET_ACCESS_KEY");
    let keys = of_environment("LAMBENT_ROOT_ACCESS_KEY_ID").zip(secret);
    let (access_key_id, secret_access_key) = keys.unwrap_or((client.account_id.clone(), String::new()));
    let identity = sigv4::SigningIdentity {
        access_key_id: &access_key_id,
        secret_access_key: &secret_access_key,
        region: &client.region,
        service: "lambda",
    };
    let signed = sigv4::Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
    };
    sigv4::authorization(&signed, &identity, &sigv4::payload_hash(body))
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
