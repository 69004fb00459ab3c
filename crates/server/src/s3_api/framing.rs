//! Takes the transport's framing off a body: `aws-chunked` or none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{TryStreamExt, stream};
use http_body_util::StreamBody;
use hyper::{
    HeaderMap,
    body::{Bytes, Frame},
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use services::s3::Trailers;

use super::{Early, chunked_body::Decoder, text};
use crate::{
    authentication::{AuthenticationFailure, BodyProof},
    http::{self, RequestBody},
};

/// A body of this many bytes or fewer is judged before anything is done with it: the library reads those of settings and deletions
/// whole, and would not know what to say of one that ends with an error.
const SMALL_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The body with what is left to prove of it: nothing, if it is small and its hash is known, for then it is read and judged.
pub(super) async fn judged(
    headers: &HeaderMap,
    body: RequestBody,
    mut proof: BodyProof,
) -> Result<(RequestBody, BodyProof), AuthenticationFailure> {
    let length = text(headers, "content-length").and_then(|length| length.parse::<usize>().ok());
    let is_small = length.is_none_or(|length| length <= SMALL_BYTES_MAX);
    if !proof.is_of_whole() || !is_small {
        return Ok((body, proof));
    }
    let read = http::read_body(body, SMALL_BYTES_MAX).await?;
    proof.update(&read);
    proof.finish()?;
    Ok((RequestBody::Read(Some(read)), BodyProof::None))
}

/// Whether a body was read to its end: if not, the connection cannot be used again.
#[derive(Clone)]
pub(super) struct Finished(Arc<AtomicBool>);

impl Finished {
    /// Of a body that nobody has read.
    pub(super) fn of(body: &RequestBody) -> Self {
        Self(Arc::new(AtomicBool::new(body.is_at_end())))
    }

    pub(super) fn is_finished(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The object's own bytes; the headers then describe those.
pub(super) fn unframed(
    headers: &mut HeaderMap,
    (body, proof): (RequestBody, BodyProof),
    trailers: &Trailers,
    finished: &Finished,
) -> Result<s3s::Body, Early> {
    let (decoder, proof) = match (is_chunked(headers), proof) {
        (true, BodyProof::Chunks(signatures)) => (Some(Decoder::new(Some(signatures))), BodyProof::None),
        (true, proof) => (Some(Decoder::new(None)), proof),
        (false, proof) => (None, proof),
    };
    if decoder.is_some() {
        describe_decoded(headers)?;
    }
    Ok(streamed(Source {
        body: Unread::of(body, headers, finished),
        decoder,
        proof,
        trailers: trailers.clone(),
    }))
}

/// The body with its framing, for somebody else to judge.
pub(super) fn as_it_is(headers: &HeaderMap, body: RequestBody, finished: &Finished) -> s3s::Body {
    let body = Unread::of(body, headers, finished);
    streamed(Source { body, decoder: None, proof: BodyProof::None, trailers: Trailers::default() })
}

fn streamed(source: Source) -> s3s::Body {
    let pieces = stream::try_unfold(Some(source), |source| async move {
        match source {
            None => Ok(None),
            Some(source) => source.next().await,
        }
    });
    s3s::Body::http_body_unsync(StreamBody::new(pieces.map_ok(Frame::data)))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let is_streaming =
        text(headers, "x-amz-content-sha256").is_some_and(|kind| kind.starts_with("STREAMING-"));
    is_streaming || text(headers, "content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"))
}

/// The length is the one before the encoding.
fn describe_decoded(headers: &mut HeaderMap) -> Result<(), Early> {
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = headers.remove("x-amz-decoded-content-length") {
        headers.insert(CONTENT_LENGTH, length);
    } else {
        return Err(Early(
            hyper::StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        ));
    }
    headers.remove("x-amz-content-sha256");
    let encodings = text(headers, "content-encoding").unwrap_or_default();
    let kept: Vec<_> = encodings.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
    match kept.join(",").parse() {
        Ok(kept) if encodings != "aws-chunked" => drop(headers.insert(CONTENT_ENCODING, kept)),
        _ => drop(headers.remove(CONTENT_ENCODING)),
    }
    Ok(())
}

/// A body that is read to its end also when nobody wants it: a client that is still sending would not see why it was refused.
struct Unread {
    body: Option<RequestBody>,
    finished: Finished,
    drains: bool,
}

impl Unread {
    fn of(body: RequestBody, headers: &HeaderMap, finished: &Finished) -> Self {
        // A client that waits for leave to send has sent nothing, and will not once it is refused.
        let drains = !headers.contains_key(hyper::header::EXPECT);
        Self { body: Some(body), finished: finished.clone(), drains }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, http::BodyError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let data = body.next().await?;
        if data.is_none() {
            self.finished.0.store(true, Ordering::Release);
            self.body = None;
        }
        Ok(data)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| self.drains && !body.is_at_end()) {
            // A server that stops has no time left for it.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(http::discard(body));
            }
        }
    }
}

/// A body on its way in.
struct Source {
    body: Unread,
    decoder: Option<Decoder>,
    proof: BodyProof,
    trailers: Trailers,
}

impl Source {
    /// The next bytes, and what is left; `None` for what is left after the last.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, std::io::Error> {
        loop {
            let data = self.body.next().await.map_err(|_| broken("the body ended early"))?;
            let Some(data) = data else { break };
            let bytes = match &mut self.decoder {
                None => data,
                Some(decoder) => decoder.feed(&data).map_err(broken)?,
            };
            self.proof.update(&bytes);
            if !bytes.is_empty() {
                return Ok(Some((bytes, Some(self))));
            }
        }
        if let Some(decoder) = self.decoder {
            self.trailers.set(decoder.finish().map_err(broken)?);
        }
        self.proof.finish().map_err(broken)?;
        Ok(None)
    }
}

/// Ends a body. The reason goes along for whoever reads it.
fn broken(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, reason)
}
