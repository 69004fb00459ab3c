//! One connection: which protocol it speaks, its requests, and its end.
//!
//! ```text
//!   accepted --first byte--> TLS handshake --> HTTP/1.1 or HTTP/2 --upgrade--> a task of its own (WebSocket)
//!                 |                |                  |
//!                 +- says nothing -+                  +-- the server stops, or nothing is asked: the last request, then the end
//!                                                     +-- its client does not read: the end
//! ```
//! hyper waits for headers as long as it is told to, and for nothing else. What it does not look after is looked after here: a client that
//! does not read ([`Reading`]) and one that asks for nothing any more ([`Activity`]).

mod activity;
mod reading;

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::{
    gateway::limits::{
        CONNECTION_END_TIMEOUT, HEADER_BYTES_MAX, HEADER_READ_TIMEOUT, HTTP2_PING_INTERVAL, HTTP2_STREAMS_MAX,
    },
    http::{ConnectionPlace, HttpRequest},
    listeners::Doors,
    tls::{self, Tls},
};
use activity::Activity;
use reading::Reading;

/// Answers whoever connected, until there is nothing more to answer.
pub(crate) async fn serve((stream, peer, place): (TcpStream, IpAddr, ConnectionPlace), mut doors: Doors) {
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
                speak(stream, (peer, true), place, doors).await;
            }
        }
        _ => speak(stream, (peer, false), place, doors).await,
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
async fn speak<S>(stream: S, from: (IpAddr, bool), place: ConnectionPlace, doors: Doors)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Doors { router, entrance, mut stop, .. } = doors;
    let activity = Arc::new(Activity::default());
    let asked = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let (router, asking) = (Arc::clone(&router), asked.begin());
        let request = HttpRequest::new(request, from, &place);
        async move {
            Ok::<_, Infallible>(router.handle(request, entrance).await.map(|body| asking.until_read(body)))
        }
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
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(Reading::new(stream)), service);
    let mut connection = pin!(connection);
    // A broken connection is its client's business.
    let is_idle = tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => false,
        () = activity.end() => true,
    };
    connection.as_mut().graceful_shutdown();
    match is_idle {
        // HTTP/2 says which request is the last, and a client may be about to read the answer to that.
        true => drop(tokio::time::timeout(CONNECTION_END_TIMEOUT, connection).await),
        // The listener says how long it waits.
        false => drop(connection.await),
    }
}
