//! Packed bodies: requests are unpacked before anything looks at them, answers are packed where the API has a `minimumCompressionSize` and
//! the client says that it can read them (API Gateway guide, "Payload compression for REST APIs").

use std::io::{self, Read};

use bytes::Bytes;
use flate2::{
    Compression,
    read::{GzEncoder, MultiGzDecoder, ZlibDecoder, ZlibEncoder},
};
use http_body_util::{BodyExt, Either};
use hyper::header::{self, HeaderValue};
use lambda_model::http_event::WebRequest;

use super::refusal::{Kind, Refusal};
use crate::{
    gateway::limits::API_BODY_BYTES_MAX,
    http::{self, HttpResponse},
};

/// How a body may be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// Of zlib, as RFC 9110 has it (8.4.1.2).
    Deflate,
    Identity,
}

impl Coding {
    fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "identity" => Some(Self::Identity),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Identity => "identity",
        }
    }
}

/// Unpacks a request's body, which then is as if it had come so.
///
/// # Errors
/// 415 where it is packed in another way, or is not what it says; 413 where it would be too large.
pub(super) async fn unpack(web: &mut WebRequest) -> Result<(), Refusal> {
    let Some(said) = web.header("content-encoding") else { return Ok(()) };
    let coding = Coding::parse(said).ok_or_else(|| Refusal::of(Kind::UnsupportedMedia))?;
    if coding != Coding::Identity {
        let packed = std::mem::take(&mut web.body);
        let unpacked = tokio::task::spawn_blocking(move || unpacked(&packed, coding)).await;
        let unpacked = unpacked.map_err(io::Error::other).and_then(|unpacked| unpacked);
        web.body = unpacked.map_err(|_| Refusal::of(Kind::UnsupportedMedia))?;
    }
    if web.body.len() > API_BODY_BYTES_MAX {
        return Err(Refusal::of(Kind::TooLarge));
    }
    web.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    Ok(())
}

/// No more of it than shows that it is too large: a few bytes may be packed gigabytes.
fn unpacked(packed: &[u8], coding: Coding) -> io::Result<Bytes> {
    let max = API_BODY_BYTES_MAX as u64 + 1;
    match coding {
        Coding::Gzip => read(MultiGzDecoder::new(packed).take(max)),
        Coding::Deflate => read(ZlibDecoder::new(packed).take(max)),
        Coding::Identity => Ok(Bytes::copy_from_slice(packed)),
    }
}

/// Packs an integration's answer where client and API want that.
pub(super) async fn pack(
    response: HttpResponse,
    accepts: Option<&str>,
    minimum: Option<u64>,
) -> HttpResponse {
    let (Some(minimum), Some(coding)) = (minimum, accepts.and_then(wanted)) else { return response };
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // What comes in pieces has no size that could be compared.
    let body = match body {
        Either::Left(whole) => whole.collect().await.unwrap_or_else(|never| match never {}).to_bytes(),
        pieces => return HttpResponse::from_parts(parts, pieces),
    };
    if (body.len() as u64) < minimum || body.is_empty() {
        return HttpResponse::from_parts(parts, http::whole(body));
    }
    let plain = body.clone();
    match tokio::task::spawn_blocking(move || packed(&plain, coding)).await {
        Ok(Ok(packed)) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            HttpResponse::from_parts(parts, http::whole(packed))
        }
        _ => HttpResponse::from_parts(parts, http::whole(body)),
    }
}

fn packed(plain: &[u8], coding: Coding) -> io::Result<Bytes> {
    match coding {
        Coding::Gzip => read(GzEncoder::new(plain, Compression::default())),
        Coding::Deflate => read(ZlibEncoder::new(plain, Compression::default())),
        Coding::Identity => Ok(Bytes::copy_from_slice(plain)),
    }
}

fn read(mut from: impl Read) -> io::Result<Bytes> {
    let mut all = Vec::new();
    from.read_to_end(&mut all)?;
    Ok(all.into())
}

/// How a client wants its answer packed: only where it names a way; the first of those that it likes most.
fn wanted(accepts: &str) -> Option<Coding> {
    let mut best: Option<(f32, Coding)> = None;
    for one in accepts.split(',') {
        let (name, parameters) = one.split_once(';').unwrap_or((one, ""));
        let quality = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), |q| q.trim().parse::<f32>());
        let (Some(coding), Ok(quality)) = (Coding::parse(name), quality) else { continue };
        if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, coding));
        }
    }
    best.map(|(_, coding)| coding).filter(|coding| *coding != Coding::Identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_most() {
        for (accepts, coding) in [
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br", Some(Coding::Gzip)),
            ("deflate, gzip", Some(Coding::Deflate)),
            ("gzip;q=0.5, deflate; q=0.8", Some(Coding::Deflate)),
            ("identity, gzip;q=0.5", None),
            ("gzip;q=0", None),
            ("*", None),
            ("br", None),
            ("gzip;q=nan, deflate;q=x", None),
            ("", None),
        ] {
            assert_eq!(wanted(accepts), coding, "{accepts}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_without_end() {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let bytes = packed(b"as it was", coding).unwrap();
            assert_eq!(unpacked(&bytes, coding).unwrap(), "as it was");
            assert!(unpacked(&bytes[..bytes.len() - 5], coding).is_err(), "{coding:?} cut off");
            assert!(unpacked(b"as it is", coding).is_err());
            let zeros = packed(&vec![0; 4 * API_BODY_BYTES_MAX], coding).unwrap();
            assert_eq!(unpacked(&zeros, coding).unwrap().len(), API_BODY_BYTES_MAX + 1);
        }
    }
}
