//! Accepting connections, on the server's own address and inside environments, and ending them in order. On the server's own address they
//! may speak TLS: see [`crate::tls`].

use std::{convert::Infallible, io::Write, net::IpAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::server::TlsStream;

use crate::{
    gateway::limits::{
        HEADER_BYTES_MAX, HEADER_READ_TIMEOUT, HTTP2_PING_INTERVAL, HTTP2_STREAMS_MAX, INSIDE_CONNECTIONS_MAX,
    },
    http::{ConnectionPlace, HttpRequest},
    router::{Entrance, Router},
    tls::{self, Tls},
};

/// What one connection too many is told.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
/// Rest after a failed accept, so that a lack of descriptors does not become a busy loop.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// What answers, for whom, and until when.
#[derive(Clone)]
pub(crate) struct Doors {
    /// What answers.
    pub router: Arc<Router>,
    /// For whom.
    pub entrance: Entrance,
    /// For how many connections there is room.
    pub places: Arc<Semaphore>,
    /// True when no more is accepted.
    pub stop: watch::Receiver<bool>,
    /// Certificates, where TLS is spoken too.
    pub tls: Option<Arc<Tls>>,
}

/// Serves connections until the watch changes, then lets open requests end within `drain`.
pub(crate) async fn serve(listener: TcpListener, doors: Doors, drain: Duration) {
    let mut stop = doors.stop.clone();
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Arc::clone(&doors.places).try_acquire_owned() {
                    Ok(place) => {
                        let client = (stream, address.ip(), Arc::new(place));
                        tokio::spawn(serve_connection(client, doors.clone(), graceful.watcher()));
                    }
                    Err(_) => refuse(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running at the end of the drain time");
    }
}

/// Tells a client that there is no room for it, if it can be told at once.
fn refuse(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(TOO_MANY);
    }
}

async fn serve_connection(
    (stream, peer, place): (TcpStream, IpAddr, ConnectionPlace),
    mut doors: Doors,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    // The first bytes tell HTTP/1 from HTTP/2; hyper waits for them without a limit.
    let mut first = [0];
    let spoke = tokio::select! {
        spoke = tokio::time::timeout(HEADER_READ_TIMEOUT, stream.peek(&mut first)) => matches!(spoke, Ok(Ok(1))),
        _ = doors.stop.changed() => false,
    };
    match &doors.tls {
        _ if !spoke => {}
        Some(tls) if first[0] == tls::FIRST_BYTE => {
            if let Some(stream) = secured(stream, tls).await {
                speak(stream, (peer, true), place, doors, watcher).await;
            }
        }
        _ => speak(stream, (peer, false), place, doors, watcher).await,
    }
}

/// The stream behind a handshake; whoever does not finish it in time is left.
async fn secured(stream: TcpStream, tls: &Tls) -> Option<TlsStream<TcpStream>> {
    let acceptor = match tls.acceptor().await {
        Ok(acceptor) => acceptor,
        Err(why) => {
            tracing::error!(why, "no certificate for a connection");
            return None;
        }
    };
    tokio::time::timeout(HEADER_READ_TIMEOUT, acceptor.accept(stream)).await.ok()?.ok()
}

/// Answers the requests of a connection.
async fn speak<S>(stream: S, from: (IpAddr, bool), place: ConnectionPlace, doors: Doors, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Doors { router, entrance, .. } = doors;
    let service = service_fn(move |request| {
        let router = Arc::clone(&router);
        let request = HttpRequest::new(request, from, &place);
        async move { Ok::<_, Infallible>(router.handle(request, entrance).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .keep_alive_interval(Some(HTTP2_PING_INTERVAL))
        .max_header_list_size(HEADER_BYTES_MAX as u32);
    // A broken connection is its client's business.
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let _ = watcher.watch(connection).await;
}

/// The AWS endpoint inside environments: the same router behind a listener that the environment's sandbox made.
pub(crate) struct InsideEndpoint {
    /// What answers.
    pub router: std::sync::OnceLock<Arc<Router>>,
}

impl lambda_model::ports::EnvironmentEndpoint for InsideEndpoint {
    fn serve(&self, listener: std::net::TcpListener) -> Box<dyn Send + Sync> {
        let (stop, stopped) = watch::channel(false);
        if let Some(router) = self.router.get().map(Arc::clone) {
            tokio::spawn(async move {
                let listener = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
                match listener {
                    Ok(listener) => {
                        let places = Arc::new(Semaphore::new(INSIDE_CONNECTIONS_MAX));
                        let doors =
                            Doors { router, entrance: Entrance::Inside, places, stop: stopped, tls: None };
                        serve(listener, doors, Duration::ZERO).await
                    }
                    Err(error) => tracing::error!(%error, "no AWS endpoint inside an environment"),
                }
            });
        }
        Box::new(stop)
    }
}
