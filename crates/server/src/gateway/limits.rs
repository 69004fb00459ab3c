//! What the front door reads, waits for and keeps: of connections, of requests, of functions' URLs and of APIs.

use std::time::Duration;

/// A client has this long to send its headers, or to say anything at all (hyper has no limit of its own).
pub(crate) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Headers of one request, bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 64 * 1024;
/// A client that sends no more of its body for this long is gone; nor is it waited for much longer in all, see [`BODY_RATE_MIN`].
pub(crate) const BODY_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// What is waited for a body beyond that: a second for so many bytes that came (500: what Apache's mod_reqtimeout takes by default).
pub(crate) const BODY_RATE_MIN: u64 = 500;
/// Read of a body that is refused anyway, bytes.
pub(crate) const DISCARD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Streams of one HTTP/2 connection.
pub(crate) const HTTP2_STREAMS_MAX: u32 = 256;
/// A client of HTTP/2 is asked so often whether it is still there.
pub(crate) const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(60);
/// How often it is looked whether anything was asked on a connection; one without anything from a look to the next is ended. HTTP/1.1
/// has [`HEADER_READ_TIMEOUT`] between requests.
pub(crate) const IDLE_LOOK_INTERVAL: Duration = Duration::from_secs(3 * 60);
/// The wait for the client's end then, in which it may read what it was answered.
pub(crate) const CONNECTION_END_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that reads nothing of what it is sent for this long in all is gone.
pub(crate) const ANSWER_WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// So many bytes pay for a second of that.
pub(crate) const ANSWER_RATE_MIN: u64 = BODY_RATE_MIN;
/// Connections of one environment to the server (an SDK has 50, or 10 a thread).
pub(crate) const INSIDE_CONNECTIONS_MAX: usize = 512;

/// The body of a request to a function's URL, bytes (P-01: 6 MB for the event; its base64 and the rest of the event come on top, and are
/// checked with it).
pub(super) const URL_BODY_BYTES_MAX: usize = lambda_model::limits::SYNC_REQUEST_PAYLOAD_BYTES_MAX;
/// The body of a request to an API, bytes (API Gateway quotas: 10 MB). One that is for a function has to fit into its event.
pub(super) const API_BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// What a server behind an API answers, bytes (the same quota).
pub(super) const INTEGRATION_BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The wait for an integration that does not say how long (API Gateway quotas: 30 seconds).
pub(super) const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for an integration of a REST API, where the operator does not say more (API Gateway quotas: 29 seconds).
pub(super) const REST_INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// Messages to a client that wait until it reads.
pub(super) const WEBSOCKET_MESSAGES_WAITING_MAX: usize = 64;
/// Messages of a client that are being answered at a time; more are not read.
pub(super) const WEBSOCKET_MESSAGES_RUNNING_MAX: usize = 16;
/// A client that does not read for so long is gone.
pub(super) const WEBSOCKET_SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// WebSocket connections without anything sent or received, and at all (API Gateway quotas: 10 minutes, 2 hours).
pub(crate) const WEBSOCKET_IDLE: Duration = Duration::from_secs(10 * 60);
/// See [`WEBSOCKET_IDLE`].
pub(crate) const WEBSOCKET_DURATION: Duration = Duration::from_secs(2 * 60 * 60);
/// Lines of access logs that wait to be written; what comes beyond them is dropped.
pub(super) const ACCESS_LOG_LINES_WAITING_MAX: usize = 10_000;
/// Lines that are written at a time.
pub(super) const ACCESS_LOG_LINES_MAX: usize = 1_000;
/// A document of an issuer of tokens, bytes.
pub(super) const ISSUER_DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// The wait for it (API Gateway guide: 1,500 ms).
pub(super) const ISSUER_TIMEOUT: Duration = Duration::from_millis(1_500);
