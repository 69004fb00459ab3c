//! Reaching who listens for telemetry inside an environment.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use lambda_model::environment::Destination;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

/// Makes sockets of an environment's network.
pub(crate) trait MakeSockets: Send + Sync {
    /// A socket that is not connected and does not block.
    fn stream(&self) -> io::Result<std::net::TcpStream>;
}

impl MakeSockets for sandbox::SocketMaker {
    fn stream(&self) -> io::Result<std::net::TcpStream> {
        sandbox::SocketMaker::stream(self)
    }
}

/// Where sockets come from, once the driver has said so.
#[derive(Default)]
pub(super) struct Sockets(Mutex<Option<Arc<dyn MakeSockets>>>);

impl Sockets {
    pub(super) fn provide<E>(&self, make: impl FnOnce() -> Result<Box<dyn MakeSockets>, E>) -> Result<(), E> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.is_none() {
            *sockets = Some(Arc::from(make()?));
        }
        Ok(())
    }

    /// A connection to a port inside.
    async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sockets = sockets.ok_or(io::ErrorKind::NotConnected)?;
        // Init answers at once, but it is another process: not on a thread that serves others.
        let made =
            tokio::task::spawn_blocking(move || sockets.stream()).await.map_err(io::Error::other)??;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        TcpSocket::from_std_stream(made).connect(address).await
    }
}

/// A connection that is kept from one batch to the next.
#[derive(Default)]
pub(super) struct Connection(Option<Open>);

enum Open {
    Http(http1::SendRequest<Full<Bytes>>),
    Tcp(TcpStream),
}

impl Connection {
    /// Delivers a batch. After an error the next attempt connects anew.
    ///
    /// # Errors
    /// When nobody listens, the connection broke, or the consumer answered with an error.
    pub(super) async fn deliver(
        &mut self,
        batch: &[String],
        destination: &Destination,
        sockets: &Sockets,
    ) -> io::Result<()> {
        let (open, delivered) = match (self.0.take(), destination) {
            (Some(Open::Http(mut sender)), Destination::Http { .. }) => {
                let delivered = post(&mut sender, batch, destination).await;
                (Open::Http(sender), delivered)
            }
            (Some(Open::Tcp(mut stream)), _) => {
                let delivered = write_lines(&mut stream, batch).await;
                (Open::Tcp(stream), delivered)
            }
            (_, Destination::Http { port, .. }) => {
                let mut sender = handshake(sockets.connect(*port).await?).await?;
                let delivered = post(&mut sender, batch, destination).await;
                (Open::Http(sender), delivered)
            }
            (_, Destination::Tcp { port }) => {
                let mut stream = sockets.connect(*port).await?;
                let delivered = write_lines(&mut stream, batch).await;
                (Open::Tcp(stream), delivered)
            }
        };
        delivered?;
        self.0 = Some(open);
        Ok(())
    }
}

async fn handshake(stream: TcpStream) -> io::Result<http1::SendRequest<Full<Bytes>>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends with the sender, or with the consumer.
    tokio::spawn(connection);
    Ok(sender)
}

/// One array of events.
async fn post(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    batch: &[String],
    destination: &Destination,
) -> io::Result<()> {
    let Destination::Http { port, path, method } = destination else { return Ok(()) };
    let request = Request::builder()
        .method(*method)
        .uri(path)
        .header("Host", format!("sandbox.localdomain:{port}"))
        .header("Content-Type", "application/json")
        .body(Full::from(format!("[{}]", batch.join(","))))
        .map_err(io::Error::other)?;
    sender.ready().await.map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let is_taken = answer.status().as_u16() < 400;
    // Read to its end, so that the connection can be used again.
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        frame.map_err(io::Error::other)?;
    }
    if is_taken { Ok(()) } else { Err(io::Error::other("the consumer refused the batch")) }
}

/// One line for each event.
async fn write_lines(stream: &mut TcpStream, batch: &[String]) -> io::Result<()> {
    let mut lines = batch.join("\n");
    lines.push('\n');
    stream.write_all(lines.as_bytes()).await
}
