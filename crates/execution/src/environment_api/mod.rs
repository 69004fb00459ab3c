//! What the processes of one execution environment call: the Runtime API, the Extensions API and the Telemetry API (R-01).
//!
//! The listener lives in the environment's own network namespace, so whoever connects is inside that environment: there is
//! nothing to authenticate and nobody else to confuse it with (R-15). Each connection is served by a small task; all of them share
//! what the driver of the environment shares with them.
//!
//! ```text
//! /2018-06-01/runtime/...     crate::runtime_api
//! /2020-01-01/extension/...   crate::extensions_api
//! /2020-08-15/logs            crate::telemetry_api (the older form)
//! /2022-07-01/telemetry       crate::telemetry_api
//! ```

pub(crate) mod answers;
pub(crate) mod body;
#[cfg(test)]
pub(crate) mod tests;

use std::{convert::Infallible, io, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use lambda_model::{concurrency::Rate, environment::TelemetryApi};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
    task::JoinSet,
};

use crate::{
    extensions_api::{self, Extensions},
    runtime_api::{self, Exchange, RuntimeEvent},
    telemetry_api::{self, Telemetry},
};

/// What the driver and the calls share.
pub(crate) struct Shared {
    /// The runtime's events and answers.
    pub runtime: Exchange,
    /// The extensions.
    pub extensions: Extensions,
    /// What they are told of logs and events.
    pub telemetry: Arc<Telemetry>,
}

impl Shared {
    /// Before anybody called; what the runtime does arrives at the returned receiver.
    pub(crate) fn new(
        streaming: Rate,
        telemetry: Arc<Telemetry>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<RuntimeEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let runtime = Exchange::new(events, streaming);
        let extensions = Extensions::new();
        (Arc::new(Self { runtime, extensions, telemetry }), receiver)
    }
}

/// Serves the APIs of an environment until dropped.
pub(crate) struct EnvironmentApi {
    pub shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
    listeners: mpsc::UnboundedSender<Option<TcpListener>>,
}

impl EnvironmentApi {
    /// Starts serving on `listener`; what the runtime does arrives at the returned receiver.
    ///
    /// # Errors
    /// When the listener cannot be registered with the reactor.
    pub(crate) fn serve(
        listener: std::net::TcpListener,
        streaming: Rate,
        telemetry: Arc<Telemetry>,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<RuntimeEvent>)> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (shared, receiver) = Shared::new(streaming, telemetry);
        let (listeners, others) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(accept(Some(listener), others, Arc::clone(&shared)));
        Ok((Self { shared, accepting, listeners }, receiver))
    }

    /// Closes the listener, and goes on with what is connected.
    pub(crate) fn rest(&self) {
        // An error is the end of the task, which is aborted by nobody but this.
        let _ = self.listeners.send(None);
    }

    /// Accepts again.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn resume(&self, listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let _ = self.listeners.send(Some(TcpListener::from_std(listener)?));
        Ok(())
    }
}

impl Drop for EnvironmentApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts until aborted, while there is a listener; the connections end with it, since the set is dropped.
async fn accept(
    mut listener: Option<TcpListener>,
    mut others: mpsc::UnboundedReceiver<Option<TcpListener>>,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(other) = others.recv() => listener = other,
            accepted = accepted => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve_connection(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, or the peer was gone already: let others make progress before trying again.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers what comes over one connection until it ends.
pub(crate) async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    shared: Arc<Shared>,
) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(handle(request, &shared).await) }
    });
    // Whoever breaks HTTP only breaks its own connection; the driver sees what matters, its exit or its silence.
    let _ = http1::Builder::new().keep_alive(true).serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(request: Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if path == "/ping" || path == "/2018-06-01/ping" {
        return answers::plain(StatusCode::OK, "pong");
    }
    if let Some(call) = path.strip_prefix(runtime_api::PREFIX) {
        return runtime_api::handle(call, request, &shared.runtime).await;
    }
    // What answers a runtime is made anew for each call, and as large as the largest of these: they are elsewhere.
    if let Some(call) = path.strip_prefix(extensions_api::PREFIX) {
        return Box::pin(extensions_api::handle(call, request, &shared.extensions)).await;
    }
    let api = match path.trim_end_matches('/') {
        telemetry_api::TELEMETRY => TelemetryApi::Telemetry,
        telemetry_api::LOGS => TelemetryApi::Logs,
        _ => return answers::not_found(),
    };
    Box::pin(telemetry_api::handle(api, request, shared)).await
}

/// The answer to a path that is none of an API's calls, or to one of its calls with another method.
pub(crate) fn unknown_call(method: &Method, expected: Option<&Method>) -> Response<Full<Bytes>> {
    match expected {
        Some(expected) if expected != method => answers::plain(StatusCode::METHOD_NOT_ALLOWED, ""),
        _ => answers::not_found(),
    }
}
