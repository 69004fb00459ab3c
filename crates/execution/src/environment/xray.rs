//! The X-Ray daemon of an environment (Z-02): takes the segments that functions send, whether or not they are traced, and keeps them.
//!
//! A datagram is a header, `{"format": "json", "version": 1}`, and a segment behind a line break. What is none is dropped.

use std::{
    io,
    net::UdpSocket,
    sync::{Arc, OnceLock},
};

use lambda_model::{
    function::FunctionKey,
    ports::{LogDestination, LogForm, LogSink},
};
use serde_json::Value;
use tokio::task::JoinHandle;

/// Largest datagram of IPv4, bytes; a segment has at most 64 KB.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Where segments are kept, one group for each account and Region.
const GROUP: &str = "segments";

/// Serves until dropped.
pub(crate) struct XrayDaemon {
    keeper: Keeper,
    taking: Option<JoinHandle<()>>,
}

/// Where segments go.
#[derive(Clone)]
struct Keeper {
    sink: Arc<dyn LogSink>,
    /// Known with the function; nobody sends anything before.
    to: Arc<OnceLock<Arc<LogDestination>>>,
}

impl Keeper {
    fn keep(&self, segment: &Value) {
        if let Some(to) = self.to.get() {
            self.sink.append(to, format!("{segment}\n").as_bytes(), LogForm::Whole);
        }
    }
}

impl XrayDaemon {
    /// Takes segments on `socket`.
    ///
    /// # Errors
    /// When the socket cannot be registered with the reactor.
    pub(crate) fn serve(socket: UdpSocket, sink: Arc<dyn LogSink>) -> io::Result<Self> {
        let mut daemon = Self { keeper: Keeper { sink, to: Arc::default() }, taking: None };
        daemon.resume(socket)?;
        Ok(daemon)
    }

    /// Closes the socket.
    pub(super) fn rest(&mut self) {
        self.taking.take().iter().for_each(JoinHandle::abort);
    }

    /// Takes segments again.
    ///
    /// # Errors
    /// As above.
    pub(super) fn resume(&mut self, socket: UdpSocket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        self.rest();
        self.taking = Some(tokio::spawn(take(socket, self.keeper.clone())));
        Ok(())
    }

    /// Says whose segments they are, once.
    pub(crate) fn keep_for(&self, key: &FunctionKey) {
        let to = LogDestination {
            account_id: key.account_id.clone(),
            region: key.region.clone(),
            group: GROUP.into(),
            stream: key.name.clone(),
        };
        let _ = self.keeper.to.set(Arc::new(to));
    }

    /// Keeps a segment of the platform's own.
    pub(super) fn keep(&self, segment: &Value) {
        self.keeper.keep(segment);
    }
}

impl Drop for XrayDaemon {
    fn drop(&mut self) {
        self.rest();
    }
}

async fn take(socket: tokio::net::UdpSocket, keeper: Keeper) {
    let mut buffer = Vec::new();
    loop {
        if socket.readable().await.is_err() {
            return;
        }
        // Made when the first segment comes: most functions send none.
        buffer.resize(DATAGRAM_BYTES_MAX, 0);
        while let Ok(length) = socket.try_recv(&mut buffer) {
            if let Some(segment) = segment(&buffer[..length]) {
                keeper.keep(&segment);
            }
        }
    }
}

/// The segment of a datagram, on one line.
fn segment(datagram: &[u8]) -> Option<Value> {
    let at = datagram.iter().position(|byte| *byte == b'\n')?;
    let (header, document) = datagram.split_at(at);
    let header: Value = serde_json::from_slice(header).ok()?;
    let is_known = header["format"] == "json" && header["version"] == 1;
    let document: Value = serde_json::from_slice(document).ok()?;
    (is_known && document.is_object()).then_some(document)
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_datagram_is_a_header_and_a_segment() {
        let good = b"{\"format\": \"json\", \"version\": 1}\n{\"id\": \"a\",\n \"name\": \"b\"}";
        assert_eq!(segment(good).unwrap().to_string(), r#"{"id":"a","name":"b"}"#);
        for wrong in [
            &b"{\"format\": \"json\", \"version\": 1}"[..],
            b"{\"format\": \"xml\", \"version\": 1}\n{}",
            b"{\"format\": \"json\", \"version\": 1}\n[]",
            b"\xff\n{}",
            b"",
        ] {
            assert_eq!(segment(wrong), None);
        }
    }
}
