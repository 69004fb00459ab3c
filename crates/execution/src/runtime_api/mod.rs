//! The Runtime API of one execution environment (B.2): what its runtime calls, and the hand-over to the driver task.
//!
//! The listener lives in the environment's own network namespace, so whoever connects is inside that environment: there is
//! nothing to authenticate and nobody else to confuse it with. Each connection is served by a small task; all of them share one
//! [`Exchange`], in which the driver puts an event and the runtime's calls take it. Which call is legal when is decided by
//! [`lambda_model::environment::RuntimeState`].

mod answers;
mod body;
mod error;
mod exchange;
mod init_error;
mod mid_stream_error;
mod next;
mod passing_on;
mod response;

#[cfg(test)]
mod tests;

use std::{convert::Infallible, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use lambda_model::concurrency::Rate;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

pub(crate) use exchange::{Delivery, Exchange, RuntimeEvent};

/// Version prefix of the Runtime API.
const PREFIX: &str = "/2018-06-01/runtime/";

/// Serves the Runtime API of an environment until dropped.
pub(crate) struct RuntimeApi {
    /// Where the driver puts events.
    pub exchange: Arc<Exchange>,
    accepting: tokio::task::JoinHandle<()>,
}

impl RuntimeApi {
    /// Starts serving on `listener`; what the runtime does arrives at the returned receiver.
    ///
    /// # Errors
    /// When the listener cannot be registered with the reactor.
    pub(crate) fn serve(
        listener: std::net::TcpListener,
        streaming: Rate,
    ) -> std::io::Result<(Self, mpsc::UnboundedReceiver<RuntimeEvent>)> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (events, receiver) = mpsc::unbounded_channel();
        let exchange = Arc::new(Exchange::new(events, streaming));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&exchange)));
        Ok((Self { exchange, accepting }, receiver))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts until aborted; the connections end with it, since the set is dropped.
async fn accept(listener: TcpListener, exchange: Arc<Exchange>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&exchange)));
                }
                // Out of descriptors, or the peer was gone already: let others make progress before trying again.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, exchange: Arc<Exchange>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(handle(request, &exchange).await) }
    });
    // A runtime that breaks HTTP only breaks its own connection; the driver sees what matters, its exit or its silence.
    let _ = http1::Builder::new().keep_alive(true).serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(request: Request<Incoming>, exchange: &Exchange) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if path == "/ping" || path == "/2018-06-01/ping" {
        return answers::plain(StatusCode::OK, "pong");
    }
    let Some(call) = path.strip_prefix(PREFIX) else {
        return answers::plain(StatusCode::NOT_FOUND, "404 page not found\n");
    };
    let segments: Vec<&str> = call.split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next::handle(exchange).await,
        (&Method::POST, ["invocation", id, "response"]) => response::handle(id, request, exchange).await,
        (&Method::POST, ["invocation", id, "error"]) => error::handle(id, request, exchange).await,
        (&Method::POST, ["init", "error"]) => init_error::handle(request, exchange).await,
        (_, ["invocation", "next"] | ["invocation", _, "response" | "error"] | ["init", "error"]) => {
            answers::plain(StatusCode::METHOD_NOT_ALLOWED, "")
        }
        _ => answers::plain(StatusCode::NOT_FOUND, "404 page not found\n"),
    }
}
