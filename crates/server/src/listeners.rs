//! Accepting connections, on the server's own address and inside environments, and ending them in order.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    http::HttpRequest,
    router::{Entrance, Router},
};

/// A client has this long to send its headers (hyper has no limit of its own).
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Headers of one request, bytes.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Streams of one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 256;
/// Rest after a failed accept, so that a lack of descriptors does not become a busy loop.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// What answers, for whom, and until when.
type Doors = (Arc<Router>, Entrance, watch::Receiver<bool>);

/// Serves connections until the watch changes, then lets open requests end within `drain`.
pub(crate) async fn serve(listener: TcpListener, (router, entrance, mut stop): Doors, drain: Duration) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let doors = (Arc::clone(&router), entrance, stop.clone());
                    tokio::spawn(serve_connection((stream, address.ip()), doors, graceful.watcher()));
                }
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

async fn serve_connection(
    (stream, peer): (TcpStream, IpAddr),
    (router, entrance, mut stop): Doors,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    // The first bytes tell HTTP/1 from HTTP/2; hyper waits for them without a limit.
    let mut first = [0];
    let spoke = tokio::select! {
        spoke = tokio::time::timeout(HEADER_READ_TIMEOUT, stream.peek(&mut first)) => matches!(spoke, Ok(Ok(1))),
        _ = stop.changed() => false,
    };
    if !spoke {
        return;
    }
    let service = service_fn(move |request| {
        let router = Arc::clone(&router);
        async move { Ok::<_, Infallible>(router.handle(HttpRequest::new(request, peer), entrance).await) }
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
        .max_header_list_size(HEADER_BYTES_MAX as u32);
    // A broken connection is its client's business.
    let _ = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await;
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
                        serve(listener, (router, Entrance::Inside, stopped), Duration::ZERO).await
                    }
                    Err(error) => tracing::error!(%error, "no AWS endpoint inside an environment"),
                }
            });
        }
        Box::new(stop)
    }
}
