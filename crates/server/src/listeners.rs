//! Accepting connections, on the server's own address and inside environments, and ending them in order. What becomes of each:
//! [`crate::connection`].

use std::{io::Write, sync::Arc, time::Duration};

use lambda_model::ports::{EnvironmentEndpoint, ServedEndpoint};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
};

use crate::{
    connection,
    gateway::limits::INSIDE_CONNECTIONS_MAX,
    router::{Entrance, Router},
    tls::Tls,
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
    // Held by each connection: closed when all have ended.
    let (open, mut closed) = mpsc::channel::<()>(1);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Arc::clone(&doors.places).try_acquire_owned() {
                    Ok(place) => {
                        let client = (stream, address.ip(), Arc::new(place));
                        let (doors, open) = (doors.clone(), open.clone());
                        tokio::spawn(async move {
                            connection::serve(client, doors).await;
                            drop(open);
                        });
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
    drop((listener, open));
    if tokio::time::timeout(drain, closed.recv()).await.is_err() {
        tracing::warn!("requests were still running at the end of the drain time");
    }
}

/// Tells a client that there is no room for it, if it can be told at once.
fn refuse(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(TOO_MANY);
    }
}

/// The AWS endpoint inside environments: the same router behind a listener that the environment's sandbox made.
pub(crate) struct InsideEndpoint {
    /// What answers.
    pub router: std::sync::OnceLock<Arc<Router>>,
}

impl EnvironmentEndpoint for InsideEndpoint {
    fn serve(&self, listener: std::net::TcpListener) -> Box<dyn ServedEndpoint> {
        let (stop, stopped) = watch::channel(false);
        let places = Arc::new(Semaphore::new(INSIDE_CONNECTIONS_MAX));
        let served = ServedInside { _stop: stop, places: Arc::clone(&places) };
        if let Some(router) = self.router.get().map(Arc::clone) {
            tokio::spawn(async move {
                let listener = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
                match listener {
                    Ok(listener) => {
                        let doors =
                            Doors { router, entrance: Entrance::Inside, places, stop: stopped, tls: None };
                        serve(listener, doors, Duration::ZERO).await
                    }
                    Err(error) => tracing::error!(%error, "no AWS endpoint inside an environment"),
                }
            });
        }
        Box::new(served)
    }
}

/// An endpoint inside that is served until this is dropped.
struct ServedInside {
    _stop: watch::Sender<bool>,
    /// One is taken by each connection.
    places: Arc<Semaphore>,
}

impl ServedEndpoint for ServedInside {
    fn is_idle(&self) -> bool {
        self.places.available_permits() == INSIDE_CONNECTIONS_MAX
    }
}
