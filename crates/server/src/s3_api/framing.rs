//! Takes the transport's framing off a body: `aws-chunked` or none.

use futures_util::{TryStreamExt, stream};
use http_body_util::StreamBody;
use hyper::{
    HeaderMap,
    body::{Bytes, Frame, Incoming},
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use services::s3::Trailers;

use super::{chunked_body::Decoder, error_response, text};
use crate::http::{self, HttpResponse};

/// The object's own bytes; the headers then describe those.
pub(super) fn unframed(
    headers: &mut HeaderMap,
    body: Incoming,
    trailers: &Trailers,
) -> Result<s3s::Body, HttpResponse> {
    let decoder = is_chunked(headers).then(Decoder::new);
    if decoder.is_some() {
        describe_decoded(headers)?;
    }
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

/// A body on its way in.
struct Source {
    body: Incoming,
    decoder: Option<Decoder>,
    trailers: Trailers,
}

impl Source {
    /// The next bytes, and what is left; `None` for what is left after the last.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, std::io::Error> {
        let broken = |what: &'static str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
        loop {
            let data = http::next_data(&mut self.body).await.map_err(|_| broken("the body ended early"))?;
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
