//! Reading what runtimes and extensions post: bounded, and telling a truncated body from a complete one.

use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body, Bytes, Incoming},
};

use lambda_model::limits::RESPONSE_PAYLOAD_BYTES_MAX;

/// What came.
pub(crate) enum Received {
    /// All of it.
    Complete(Bytes),
    /// More than an answer may have; the rest was read and thrown away, so that the runtime gets to see the 413.
    Oversized,
    /// The connection broke before the announced end.
    Truncated,
}

/// Reads a body to its end and keeps at most [`RESPONSE_PAYLOAD_BYTES_MAX`] bytes of it.
pub(crate) async fn receive(body: Incoming) -> Received {
    receive_with_trailers(body).await.0
}

/// The same, and what came after it.
pub(crate) async fn receive_with_trailers(mut body: Incoming) -> (Received, HeaderMap) {
    let mut trailers = HeaderMap::new();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut first: Option<Bytes> = None;
    let mut kept: Vec<u8> = Vec::new();
    let mut total = 0usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (Received::Truncated, trailers) };
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers.extend(frame.into_trailers().unwrap_or_default());
                continue;
            }
        };
        total = total.saturating_add(data.len());
        if total > RESPONSE_PAYLOAD_BYTES_MAX {
            (first, kept) = (None, Vec::new());
        } else if first.is_none() && kept.is_empty() {
            // The common case is one frame: it is passed on without a copy.
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                kept.reserve(announced.min(RESPONSE_PAYLOAD_BYTES_MAX));
                kept.extend_from_slice(&first);
            }
            kept.extend_from_slice(&data);
        }
    }
    let received = match total {
        total if total > RESPONSE_PAYLOAD_BYTES_MAX => Received::Oversized,
        _ => Received::Complete(first.unwrap_or_else(|| kept.into())),
    };
    (received, trailers)
}
