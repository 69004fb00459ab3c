//! An open connection: reads messages and brings them to their routes, sends what comes back and what others send, and ends.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use aws_api::request_id;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use lambda_model::{
    http_event::{WebRequest, query_pairs},
    websocket::{Connection, DISCONNECT, FRAME_BYTES_MAX, Happened, MESSAGE_BYTES_MAX},
};
use services::apigatewayv2::DeployedApi;
use tokio::{
    io::AsyncReadExt,
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    WebSocketLimits,
    routes::{Asked, Sent},
    sockets::{CloseBy, Command, Handle},
};
use crate::{gateway::limits, http::Upgrade, router::Router};

/// Bytes that are read at a time: most connections are idle, and what they hold counts.
const READ_BYTES: usize = 4 * 1024;
/// Of a client that is told to go, read and thrown away, bytes.
const DISCARD_BYTES_MAX: usize = 1024 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// See the module's doc.
pub(super) struct Line {
    pub server: Weak<Router>,
    pub api: Arc<DeployedApi>,
    pub connection: Connection,
    pub handshake: WebRequest,
    pub handle: Arc<Handle>,
    /// Is given up when the connection ends.
    pub _place: OwnedSemaphorePermit,
}

/// Why a connection ended.
struct Ended {
    status: u16,
    reason: String,
}

impl Ended {
    fn new(code: CloseCode, reason: &str) -> Self {
        Self { status: code.into(), reason: reason.to_owned() }
    }
}

impl From<CloseBy> for Ended {
    fn from(by: CloseBy) -> Self {
        match by {
            CloseBy::Caller => Self::new(CloseCode::Normal, "Connection Closed Normally"),
            CloseBy::Server => Self::new(CloseCode::Away, "Going away"),
        }
    }
}

impl Line {
    /// Lives as long as the connection.
    pub(super) async fn run(
        self,
        upgrade: Upgrade,
        commands: mpsc::Receiver<Command>,
        limits: WebSocketLimits,
    ) {
        let line = Arc::new(self);
        let Upgrade { connection, place: _place } = upgrade;
        let ended = match connection.await {
            Ok(upgraded) => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BYTES)
                    .write_buffer_size(0)
                    .max_write_buffer_size(2 * MESSAGE_BYTES_MAX)
                    .max_message_size(Some(MESSAGE_BYTES_MAX))
                    .max_frame_size(Some(FRAME_BYTES_MAX));
                let io = TokioIo::new(upgraded);
                let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                let ended = Arc::clone(&line).talk(&mut socket, commands, limits).await;
                close(&mut socket, &ended).await;
                ended
            }
            Err(_) => Ended::new(CloseCode::Abnormal, "Handshake not finished"),
        };
        line.end(ended).await;
    }

    async fn talk(
        self: Arc<Self>,
        socket: &mut Socket,
        mut commands: mpsc::Receiver<Command>,
        limits: WebSocketLimits,
    ) -> Ended {
        let oldest = Instant::now() + limits.duration;
        let mut idle = Instant::now() + limits.idle;
        let mut running: JoinSet<Option<Bytes>> = JoinSet::new();
        loop {
            let has_room = running.len() < limits::WEBSOCKET_MESSAGES_RUNNING_MAX;
            let sent = tokio::select! {
                message = socket.next(), if has_room => match received(message) {
                    Ok(Some((body, is_base64))) => {
                        running.spawn(Arc::clone(&self).answered(body, is_base64));
                        None
                    }
                    Ok(None) => None,
                    Err(ended) => return ended,
                },
                Some(answer) = running.join_next() => match answer {
                    Ok(Some(answer)) => Some(answer),
                    _ => continue,
                },
                command = commands.recv() => match command {
                    Some(Command::Send(message)) => Some(message),
                    Some(Command::Close(why)) => return why.into(),
                    None => return CloseBy::Caller.into(),
                },
                () = sleep_until(idle) => return Ended::new(CloseCode::Away, "Going away"),
                () = sleep_until(oldest) => return Ended::new(CloseCode::Away, "Going away"),
            };
            if let Some(message) = sent
                && let Err(ended) = send(socket, message).await
            {
                return ended;
            }
            idle = Instant::now() + limits.idle;
            self.handle.is_active();
        }
    }

    /// What the client gets for a message, if anything.
    async fn answered(self: Arc<Self>, body: String, is_base64: bool) -> Option<Bytes> {
        let server = self.server.upgrade()?;
        let stage = self.stage(&server)?;
        let asked = Asked { api: &self.api, stage: &stage, connection: &self.connection };
        Box::pin(server.gateway.at_message(asked, (&body, is_base64))).await
    }

    /// The stage as it is now.
    fn stage(&self, server: &Router) -> Option<Arc<services::apigatewayv2::DeployedStage>> {
        let api = server.gateway.apis.deployed(&self.connection.api_id)?;
        api.stages.get(&self.connection.stage).cloned()
    }

    async fn end(&self, ended: Ended) {
        let Some(server) = self.server.upgrade() else { return };
        server.gateway.memory.sockets.closed(&self.connection.id);
        let Some(stage) = self.stage(&server) else { return };
        let asked = Asked { api: &self.api, stage: &stage, connection: &self.connection };
        let Some(route) = asked.route(DISCONNECT) else { return };
        let query: Vec<_> = query_pairs(&self.handshake.raw_query).collect();
        let happened = Happened::Disconnect { status: ended.status, reason: ended.reason };
        let headers = &self.handshake.headers;
        let sent = Sent { happened, request_id: request_id::new(), headers, query: &query, body: None };
        // Nobody is there any more who could hear of a failure.
        let _ = Box::pin(server.gateway.at_route(asked, route, &sent)).await;
    }
}

/// A message as events have it, and whether it is base64; nothing for what only keeps the connection alive.
fn received(message: Option<Result<Message, Error>>) -> Result<Option<(String, bool)>, Ended> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some((text.to_string(), false))),
        Some(Ok(Message::Binary(bytes))) => Ok(Some((BASE64_STANDARD.encode(&bytes), true))),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Ok(Message::Close(frame))) => Err(match frame {
            Some(CloseFrame { code, reason }) => Ended { status: code.into(), reason: reason.to_string() },
            None => Ended::new(CloseCode::Status, "Client-side close frame status not set"),
        }),
        Some(Err(Error::Capacity(_))) => Err(Ended::new(CloseCode::Size, "Message too long")),
        Some(Err(Error::Utf8(_))) => Err(Ended::new(CloseCode::Invalid, "Not UTF-8")),
        // Gone without a word.
        Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
            Err(Ended::new(CloseCode::Abnormal, "Connection lost"))
        }
        Some(Err(Error::Protocol(_))) => Err(Ended::new(CloseCode::Protocol, "Protocol error")),
        Some(Err(_)) => Err(Ended::new(CloseCode::Abnormal, "Connection lost")),
    }
}

/// Sends a message: as a text where it is one. Whoever does not read is left.
async fn send(socket: &mut Socket, message: Bytes) -> Result<(), Ended> {
    let message = match String::from_utf8(message.to_vec()) {
        Ok(text) => Message::text(text),
        Err(_) => Message::Binary(message),
    };
    match timeout(limits::WEBSOCKET_SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Ended::new(CloseCode::Abnormal, "Client does not read")),
    }
}

/// Says why, and waits for a moment for the client to say that it has heard.
async fn close(socket: &mut Socket, ended: &Ended) {
    const MOMENT: Duration = Duration::from_secs(1);
    let code = CloseCode::from(ended.status);
    let frame = CloseFrame { code, reason: ended.reason.as_str().into() };
    // 1005 and 1006 are never sent (RFC 6455, 7.4.1).
    let frame = code.is_allowed().then_some(frame);
    let said = async {
        let _ = socket.close(frame).await;
        while let Some(Ok(_)) = socket.next().await {}
        // A client that is still sending would lose what it was told with its connection.
        if !matches!(code, CloseCode::Protocol | CloseCode::Invalid | CloseCode::Size) {
            return;
        }
        let mut rest = [0; READ_BYTES];
        let mut left = DISCARD_BYTES_MAX;
        while let Ok(read @ 1..) = socket.get_mut().read(&mut rest).await
            && left > read
        {
            left -= read;
        }
    };
    let _ = timeout(MOMENT, said).await;
}
