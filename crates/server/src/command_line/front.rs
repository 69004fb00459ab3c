//! What the operator decides of the doors in front of functions.

use std::time::Duration;

use crate::{
    gateway::{WebSocketLimits, limits},
    open_files,
};

/// See the module's doc.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FrontArguments {
    /// Connections of clients at a time: nine tenths of the files that may be open where it is not said.
    #[arg(long, env = "LAMBENT_CONNECTIONS")]
    connections: Option<usize>,
    /// Seconds that an API waits for what is behind it, at most: 29 of a REST API and 30 of an HTTP API unless this is more.
    #[arg(long, env = "LAMBENT_INTEGRATION_TIMEOUT", default_value_t = 0)]
    integration_timeout: u32,
    /// Seconds that a WebSocket connection may be silent.
    #[arg(long, env = "LAMBENT_WEBSOCKET_IDLE", default_value_t = limits::WEBSOCKET_IDLE.as_secs())]
    websocket_idle: u64,
    /// Seconds that a WebSocket connection lasts.
    #[arg(long, env = "LAMBENT_WEBSOCKET_DURATION", default_value_t = limits::WEBSOCKET_DURATION.as_secs())]
    websocket_duration: u64,
    /// WebSocket connections at a time: four fifths of the files that may be open where it is not said.
    #[arg(long, env = "LAMBENT_WEBSOCKET_CONNECTIONS")]
    websocket_connections: Option<usize>,
}

impl FrontArguments {
    /// How many connections there may be.
    pub(super) fn connections(&self) -> usize {
        self.connections.unwrap_or_else(|| open_files::limit() / 10 * 9)
    }

    /// How long an API waits for what is behind it, at most.
    pub(super) fn integration_timeout(&self) -> Duration {
        Duration::from_secs(self.integration_timeout.into())
    }

    /// How long WebSocket connections last, and how many there may be.
    pub(super) fn websockets(&self) -> WebSocketLimits {
        WebSocketLimits {
            idle: Duration::from_secs(self.websocket_idle),
            duration: Duration::from_secs(self.websocket_duration),
            connections: self.websocket_connections.unwrap_or_else(|| open_files::limit() / 5 * 4),
        }
    }
}
