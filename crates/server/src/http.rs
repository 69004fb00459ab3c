//! The HTTP vocabulary of this crate: one request type, one response type, bodies whole in memory and bounded.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    gateway::limits::{BODY_RATE_MIN, BODY_READ_TIMEOUT, DISCARD_BYTES_MAX},
    pieces::{PieceSender, Pieces},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    HeaderMap, Method, Response, StatusCode, Version,
    body::{Body as _, Incoming},
    header,
    upgrade::OnUpgrade,
};
use tokio::sync::OwnedSemaphorePermit;

/// Memory set aside on a client's word, bytes.
const RESERVE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Headers that belong to one connection (RFC 9110, 7.6.1), and the name of this server: nothing that is passed on has them.
pub(crate) const OF_A_CONNECTION: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
];

/// The body of a response: whole in memory, or coming piece by piece, from a page of the server's own or from S3.
pub(crate) type Body = Either<Full<Bytes>, Either<Pieces, s3s::Body>>;

/// A response, ready to be sent.
pub(crate) type HttpResponse = Response<Body>;

/// A request whose body has not been read.
pub(crate) struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Path as sent, percent-encoding untouched.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, unread unless whoever authenticated the request had to.
    pub body: RequestBody,
    /// Where it came from.
    pub peer: IpAddr,
    /// How it was sent.
    pub version: Version,
    /// Whether over TLS.
    pub is_secure: bool,
    /// The connection itself, where the client wants to speak something else on it.
    pub upgrade: Option<Upgrade>,
}

/// A connection that is to speak something else, and the place that it goes on taking.
pub(crate) struct Upgrade {
    /// The connection, once the handshake is answered.
    pub connection: OnUpgrade,
    /// Its place.
    pub place: ConnectionPlace,
}

/// One of as many places as there are for connections; free again when nobody holds it any more.
pub(crate) type ConnectionPlace = Arc<OwnedSemaphorePermit>;

/// The body of a request.
pub(crate) enum RequestBody {
    /// On its way, at some pace.
    Incoming(Incoming, Pace),
    /// Here; `None` once it was taken.
    Read(Option<Bytes>),
}

impl RequestBody {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        match self {
            Self::Incoming(body, pace) => next_data(body, pace).await,
            Self::Read(body) => Ok(body.take().filter(|bytes| !bytes.is_empty())),
        }
    }

    /// Whether nothing more comes.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Incoming(body, _) => body.is_end_stream(),
            Self::Read(body) => body.as_ref().is_none_or(Bytes::is_empty),
        }
    }

    /// What is still to come, bytes, as far as the client said.
    fn announced(&self) -> usize {
        match self {
            Self::Incoming(body, _) => usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX),
            Self::Read(body) => body.as_ref().map_or(0, Bytes::len),
        }
    }
}

impl HttpRequest {
    /// Splits a request of hyper's.
    pub(crate) fn new(
        mut request: hyper::Request<Incoming>,
        (peer, is_secure): (IpAddr, bool),
        place: &ConnectionPlace,
    ) -> Self {
        let wants_more = request.headers().contains_key(header::UPGRADE);
        let upgrade = wants_more
            .then(|| Upgrade { connection: hyper::upgrade::on(&mut request), place: Arc::clone(place) });
        let (mut parts, body) = request.into_parts();
        // HTTP/2 has the host in its own place, HTTP/1.1 may have it in the target: that one counts (RFC 9112, 3.2.2).
        if let Some(authority) = parts.uri.authority()
            && let Ok(host) = header::HeaderValue::from_str(authority.as_str())
        {
            parts.headers.insert(header::HOST, host);
        }
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: RequestBody::Incoming(body, Pace::default()),
            peer,
            version: parts.version,
            is_secure,
            upgrade,
        }
    }

    /// `https` where it came so, or whoever is in front says so.
    pub(crate) fn scheme(&self) -> &'static str {
        let is_forwarded = self.header("x-forwarded-proto") == Some("https");
        if self.is_secure || is_forwarded { "https" } else { "http" }
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than allowed.
    TooLarge,
    /// The connection broke, or nothing came any more.
    Broken,
}

/// Reads a body of at most `bytes_max` bytes. Of a larger one the rest is read and thrown away, within bounds: a client that is
/// still sending would not see why it was refused.
pub(crate) async fn read_body(mut body: RequestBody, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = body.next().await? {
        let length = first.len().max(all.len());
        if length + data.len() > bytes_max {
            drop((first, all));
            return discard(body).await;
        }
        if length == 0 {
            // One piece, as most events are, is never copied.
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(body.announced().min(RESERVE_BYTES_MAX) + first.len() + data.len());
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Reads a body and throws it away, within bounds.
pub(crate) async fn discard(mut body: RequestBody) -> Result<Bytes, BodyError> {
    let mut discarded = 0;
    while discarded < DISCARD_BYTES_MAX
        && let Some(data) = body.next().await?
    {
        discarded += data.len();
    }
    Err(BodyError::TooLarge)
}

/// How a body comes.
#[derive(Default)]
pub(crate) struct Pace {
    /// What was waited for it; while nobody asks for more, its client may rest.
    waited: Duration,
    /// What came, bytes.
    came: u64,
}

impl Pace {
    /// How long the next bytes are waited for.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.came / BODY_RATE_MIN);
        (BODY_READ_TIMEOUT + earned).saturating_sub(self.waited).min(BODY_READ_TIMEOUT)
    }
}

async fn next_data(body: &mut Incoming, pace: &mut Pace) -> Result<Option<Bytes>, BodyError> {
    loop {
        let asked = Instant::now();
        let frame = tokio::time::timeout(pace.patience(), body.frame()).await;
        pace.waited += asked.elapsed();
        match frame.map_err(|_| BodyError::Broken)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    pace.came += data.len() as u64;
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A body that is there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A response of the given type whose body comes piece by piece, and where the pieces go.
pub(crate) fn response_in_pieces(content_type: &'static str) -> (PieceSender, HttpResponse) {
    let (sender, body) = Pieces::new();
    let mut response = Response::new(Either::Right(Either::Left(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    (sender, response)
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> HttpResponse {
    let mut response = hyper::Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A response with a body of the given type.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> HttpResponse {
    response(status, "application/json", value.to_string())
}
