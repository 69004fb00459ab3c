//! The content encoding `aws-chunked`: pieces with their lengths, and trailers, in a body, and signatures of both.
//!
//! ```text
//!   SIZE[;chunk-signature=...] CRLF bytes CRLF ... 0[;...] CRLF [NAME:VALUE CRLF]... CRLF
//! ```

use aws_api::sigv4::{ChunkSignatures, SignatureError};
use bytes::{Buf, Bytes, BytesMut};

/// A line between pieces, or a trailer, bytes.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Trailers of one body.
const TRAILERS_MAX: usize = 32;

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    /// It is not in the encoding.
    #[error("a body in aws-chunked encoding is malformed")]
    Malformed,
    /// A piece is not what was signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// The trailer that signs the others.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// A line with the size of the next piece.
    Size,
    /// So many bytes of a piece are still to come.
    Piece(u64),
    /// The end of line after a piece.
    AfterPiece,
    /// Trailers, up to an empty line.
    Trailers,
    /// Nothing more.
    End,
}

/// Takes the encoding off, whatever pieces it comes in.
pub(super) struct Decoder {
    state: State,
    waiting: BytesMut,
    trailers: Vec<(String, String)>,
    /// Judges the pieces, where they are signed.
    signatures: Option<Box<ChunkSignatures>>,
    /// That of the current piece.
    signature: String,
}

impl Decoder {
    pub(super) fn new(signatures: Option<Box<ChunkSignatures>>) -> Self {
        Self {
            state: State::Size,
            waiting: BytesMut::new(),
            trailers: Vec::new(),
            signatures,
            signature: String::new(),
        }
    }

    /// What of the object is in the next bytes of the body.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Bytes, ChunkError> {
        self.waiting.extend_from_slice(bytes);
        let mut decoded = BytesMut::new();
        while self.step(&mut decoded)? {}
        Ok(decoded.freeze())
    }

    /// The trailers, once the body is at its end.
    pub(super) fn finish(mut self) -> Result<Vec<(String, String)>, ChunkError> {
        match self.state {
            State::End => {}
            // Some clients leave the last empty line out.
            State::Trailers if self.waiting.is_empty() => {}
            _ => return Err(ChunkError::Malformed),
        }
        let place = self.trailers.iter().position(|(name, _)| name == TRAILER_SIGNATURE);
        let signature = place.map(|place| self.trailers.remove(place).1);
        if let Some(signatures) = self.signatures.as_mut().filter(|_| !self.trailers.is_empty()) {
            let lines: String =
                self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            signatures.end_trailers(&lines, &signature.unwrap_or_default())?;
        }
        Ok(self.trailers)
    }

    /// One step; false when it needs more bytes.
    fn step(&mut self, decoded: &mut BytesMut) -> Result<bool, ChunkError> {
        match self.state {
            State::Piece(left) => self.take(left, decoded),
            State::End if self.waiting.is_empty() => Ok(false),
            State::End => Err(ChunkError::Malformed),
            State::Size | State::AfterPiece | State::Trailers => {
                let Some(line) = self.line()? else { return Ok(false) };
                self.read_line(&line)?;
                Ok(true)
            }
        }
    }

    fn take(&mut self, left: u64, decoded: &mut BytesMut) -> Result<bool, ChunkError> {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(self.waiting.len());
        let bytes = self.waiting.split_to(count);
        if let Some(signatures) = &mut self.signatures {
            signatures.update(&bytes);
        }
        decoded.extend_from_slice(&bytes);
        let left = left - count as u64;
        self.state = if left == 0 { State::AfterPiece } else { State::Piece(left) };
        if left == 0 {
            self.end_piece()?;
        }
        Ok(count > 0)
    }

    fn end_piece(&mut self) -> Result<(), ChunkError> {
        match &mut self.signatures {
            Some(signatures) => Ok(signatures.end_chunk(&self.signature)?),
            None => Ok(()),
        }
    }

    fn line(&mut self) -> Result<Option<String>, ChunkError> {
        let Some(end) = self.waiting.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.waiting.len() > LINE_BYTES_MAX { Err(ChunkError::Malformed) } else { Ok(None) };
        };
        let line = self.waiting.split_to(end);
        self.waiting.advance(2);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| ChunkError::Malformed)
    }

    fn read_line(&mut self, line: &str) -> Result<(), ChunkError> {
        self.state = match self.state {
            State::AfterPiece if line.is_empty() => State::Size,
            State::Size => {
                let (digits, extension) = line.split_once(';').unwrap_or((line, ""));
                extension
                    .strip_prefix("chunk-signature=")
                    .unwrap_or_default()
                    .clone_into(&mut self.signature);
                match u64::from_str_radix(digits, 16).map_err(|_| ChunkError::Malformed)? {
                    0 => {
                        self.end_piece()?;
                        State::Trailers
                    }
                    size => State::Piece(size),
                }
            }
            State::Trailers if line.is_empty() => State::End,
            State::Trailers if self.trailers.len() < TRAILERS_MAX => {
                let (name, value) = line.split_once(':').ok_or(ChunkError::Malformed)?;
                self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                State::Trailers
            }
            _ => return Err(ChunkError::Malformed),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";

    #[test]
    fn a_body_is_the_same_in_whatever_pieces_it_comes() {
        for size in 1..=BODY.len() {
            let mut decoder = Decoder::new(None);
            let mut all = Vec::new();
            for piece in BODY.chunks(size) {
                all.extend_from_slice(&decoder.feed(piece).unwrap());
            }
            assert_eq!(all, b"hello world", "in pieces of {size}");
            let trailers = vec![("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())];
            assert_eq!(decoder.finish().unwrap(), trailers);
        }
    }

    #[test]
    fn what_ends_early_or_is_no_length_is_refused() {
        for cut in 1..BODY.len() - 2 {
            let mut decoder = Decoder::new(None);
            decoder.feed(&BODY[..cut]).unwrap();
            // Right behind a whole line of the trailers the end may be missing.
            if cut != BODY.len() - 2 && !BODY[..cut].ends_with(b"cd\r\n") {
                assert_eq!(decoder.finish(), Err(ChunkError::Malformed), "cut at {cut}");
            }
        }
        for wrong in [&b"xyz\r\n"[..], b"5\r\nhello--", b"0\r\n\r\nmore", &[b'1'; 9_000]] {
            let mut decoder = Decoder::new(None);
            assert!(decoder.feed(wrong).is_err() || decoder.finish().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn signed_pieces_are_judged_one_by_one() {
        // The example of S3's documentation, "Signature calculations: transferring payload in multiple chunks".
        let first = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
        let second = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
        let last = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";
        let body = format!(
            "10000;chunk-signature={first}\r\n{}\r\n400;chunk-signature={second}\r\n{}\r\n0;chunk-signature={last}\r\n\r\n",
            "a".repeat(65_536),
            "a".repeat(1_024)
        );
        let mut decoder = Decoder::new(Some(Box::new(documented())));
        assert_eq!(decoder.feed(body.as_bytes()).unwrap().len(), 66_560);
        assert_eq!(decoder.finish().unwrap(), Vec::new());
        let mut decoder = Decoder::new(Some(Box::new(documented())));
        let changed = body.replacen("\r\naaa", "\r\naab", 1);
        let wrong = ChunkError::Signature(SignatureError::Mismatch);
        assert_eq!(decoder.feed(changed.as_bytes()), Err(wrong));
    }

    fn documented() -> ChunkSignatures {
        let mut headers = hyper::HeaderMap::new();
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        headers.insert("authorization", authorization.parse().unwrap());
        headers.insert("x-amz-date", "20130524T000000Z".parse().unwrap());
        let request = aws_api::sigv4::Request { method: "PUT", path: "/", query: "", headers: &headers };
        let signed = aws_api::sigv4::SignedRequest::read(&request).unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        ChunkSignatures::new(&signed, secret, &aws_api::sigv4::SigningKeys::default())
    }
}
