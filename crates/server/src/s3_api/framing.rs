//! Takes the transport's framing off a body: `aws-chunked` or none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{TryStreamExt, stream};
use http_body_util::StreamBody;
use hyper::{
    HeaderMap,
    body::{Body, Bytes, Frame, Incoming},
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use services::s3::Trailers;

use super::{chunked_body::Decoder, error_response, text};
use crate::http::{self, HttpResponse};

/// Whether a body was read to its end: if not, the connection cannot be used again.
#[derive(Clone)]
pub(super) struct Finished(Arc<AtomicBool>);

impl Finished {
    /// Of a body that nobody has read.
    pub(super) fn of(body: &Incoming) -> Self {
        Self(Arc::new(AtomicBool::new(body.is_end_stream())))
    }

    pub(super) fn is_finished(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The object's own bytes; the headers then describe those.
pub(super) fn unframed(
    headers: &mut HeaderMap,
    body: Incoming,
    trailers: &Trailers,
    finished: &Finished,
) -> Result<s3s::Body, HttpResponse> {
    let decoder = is_chunked(headers).then(Decoder::new);
    if decoder.is_some() {
        describe_decoded(headers)?;
    }
    // A client that waits for leave to send has sent nothing, and will not once it is refused.
    let drains = !headers.contains_key(hyper::header::EXPECT);
    let body = Unread { body: Some(body), finished: finished.clone(), drains };
    let source = Source { body, decoder, trailers: trailers.clone() };
    let pieces = stream::try_unfold(Some(source), |source| async move {
        match source {
            None => Ok(None),
            Some(source) => source.next().await,
        }
    });
    Ok(s3s::Body::http_body_unsync(StreamBody::new(pieces.map_ok(Frame::data))))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let is_streaming =
        text(headers, "x-amz-content-sha256").is_some_and(|kind| kind.starts_with("STREAMING-"));
    is_streaming || text(headers, "content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"))
}

/// The length is the one before the encoding.
fn describe_decoded(headers: &mut HeaderMap) -> Result<(), HttpResponse> {
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = headers.remove("x-amz-decoded-content-length") {
        headers.insert(CONTENT_LENGTH, length);
    } else {
        return Err(error_response(
            hyper::StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        ));
    }
    headers.remove("x-amz-content-sha256");
    let encodings = text(headers, "content-encoding").unwrap_or_default();
    let kept: Vec<_> = encodings.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
    let kept = kept.join(",");
    headers.remove(CONTENT_ENCODING);
    if let Ok(kept) = kept.parse()
        && !text_is_empty(&kept)
    {
        headers.insert(CONTENT_ENCODING, kept);
    }
    Ok(())
}

fn text_is_empty(value: &hyper::header::HeaderValue) -> bool {
    value.as_bytes().is_empty()
}

/// A body that is read to its end also when nobody wants it: a client that is still sending would not see why it was refused.
struct Unread {
    body: Option<Incoming>,
    finished: Finished,
    drains: bool,
}

impl Unread {
    async fn next(&mut self) -> Result<Option<Bytes>, http::BodyError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let data = http::next_data(body).await?;
        if data.is_none() {
            self.finished.0.store(true, Ordering::Release);
            self.body = None;
        }
        Ok(data)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| self.drains && !body.is_end_stream()) {
            tokio::spawn(http::discard(body));
        }
    }
}

/// A body on its way in.
struct Source {
    body: Unread,
    decoder: Option<Decoder>,
    trailers: Trailers,
}

impl Source {
    /// The next bytes, and what is left; `None` for what is left after the last.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, std::io::Error> {
        let broken = |what: &'static str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
        loop {
            let data = self.body.next().await.map_err(|_| broken("the body ended early"))?;
            let Some(data) = data else { break };
            let bytes = match &mut self.decoder {
                None => data,
                Some(decoder) => decoder.feed(&data).map_err(|_| broken("malformed aws-chunked"))?,
            };
            if !bytes.is_empty() {
                return Ok(Some((bytes, Some(self))));
            }
        }
        if let Some(decoder) = self.decoder {
            self.trailers.set(decoder.finish().map_err(|_| broken("malformed aws-chunked"))?);
        }
        Ok(None)
    }
}
