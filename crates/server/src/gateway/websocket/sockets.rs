//! The connections that are open, by their ids.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE};
use bytes::Bytes;
use lambda_model::websocket::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use crate::{clock, gateway::limits::WEBSOCKET_MESSAGES_WAITING_MAX};

/// How long connections last, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WebSocketLimits {
    /// Without anything sent or received (API Gateway quotas: 10 minutes).
    pub idle: Duration,
    /// At all (API Gateway quotas: 2 hours).
    pub duration: Duration,
    /// Open at a time.
    pub connections: usize,
}

/// See the module's doc.
pub(in crate::gateway) struct Sockets {
    open: Mutex<HashMap<String, Arc<Handle>>>,
    places: Arc<Semaphore>,
    pub(super) limits: WebSocketLimits,
}

/// What others do with a connection.
pub(super) enum Command {
    /// Send this.
    Send(Bytes),
    /// Close it.
    Close(CloseBy),
}

/// Who closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseBy {
    /// Somebody who knows its id.
    Caller,
    /// The server, which stops.
    Server,
}

/// A connection, as others see it.
pub(super) struct Handle {
    pub connection: Connection,
    /// Unix time, milliseconds.
    last_active_ms: AtomicI64,
    commands: mpsc::Sender<Command>,
}

impl Sockets {
    /// None yet.
    pub(in crate::gateway) fn new(limits: WebSocketLimits) -> Self {
        Self { open: Mutex::default(), places: Arc::new(Semaphore::new(limits.connections)), limits }
    }

    /// Room for one more, if there is some.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Makes a connection known.
    pub(super) fn opened(&self, connection: &Connection) -> (Arc<Handle>, mpsc::Receiver<Command>) {
        let (sender, commands) = mpsc::channel(WEBSOCKET_MESSAGES_WAITING_MAX);
        let handle = Arc::new(Handle {
            connection: connection.clone(),
            last_active_ms: AtomicI64::new(connection.connected_at_ms),
            commands: sender,
        });
        self.open().insert(connection.id.clone(), Arc::clone(&handle));
        (handle, commands)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Handle>> {
        self.open().get(id).cloned()
    }

    pub(super) fn closed(&self, id: &str) {
        self.open().remove(id);
    }

    pub(super) fn close_all(&self) {
        for handle in self.open().values() {
            // Whoever takes no more is left as it is.
            let _ = handle.commands.try_send(Command::Close(CloseBy::Server));
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Handle>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Notes that something was sent or received.
    pub(super) fn is_active(&self) {
        self.last_active_ms.store(clock::unix_ms(), Ordering::Relaxed);
    }

    /// Unix time, milliseconds.
    pub(super) fn last_active_ms(&self) -> i64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }

    /// Gives a command to the connection, as soon as it takes one.
    pub(super) async fn command(&self, command: Command) -> Result<(), ()> {
        self.commands.send(command).await.map_err(|_| ())
    }
}

/// An id as those of API Gateway look: fifteen letters and digits, and an equals sign.
pub(super) fn new_id() -> String {
    BASE64_URL_SAFE.encode(&Uuid::new_v4().as_bytes()[..11])
}
