//! The content encoding `aws-chunked`: pieces with their lengths, and trailers, in a body. Signatures of pieces are read past.
//!
//! ```text
//!   SIZE[;chunk-signature=...] CRLF bytes CRLF ... 0[;...] CRLF [NAME:VALUE CRLF]... CRLF
//! ```

use bytes::{Buf, Bytes, BytesMut};

/// A line between pieces, or a trailer, bytes.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Trailers of one body.
const TRAILERS_MAX: usize = 32;

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body in aws-chunked encoding is malformed")]
pub(super) struct Malformed;

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
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { state: State::Size, waiting: BytesMut::new(), trailers: Vec::new() }
    }

    /// What of the object is in the next bytes of the body.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Bytes, Malformed> {
        self.waiting.extend_from_slice(bytes);
        let mut decoded = BytesMut::new();
        while self.step(&mut decoded)? {}
        Ok(decoded.freeze())
    }

    /// The trailers, once the body is at its end.
    pub(super) fn finish(self) -> Result<Vec<(String, String)>, Malformed> {
        match self.state {
            State::End => Ok(self.trailers),
            // Some clients leave the last empty line out.
            State::Trailers if self.waiting.is_empty() => Ok(self.trailers),
            _ => Err(Malformed),
        }
    }

    /// One step; false when it needs more bytes.
    fn step(&mut self, decoded: &mut BytesMut) -> Result<bool, Malformed> {
        match self.state {
            State::Piece(left) => Ok(self.take(left, decoded)),
            State::End if self.waiting.is_empty() => Ok(false),
            State::End => Err(Malformed),
            State::Size | State::AfterPiece | State::Trailers => {
                let Some(line) = self.line()? else { return Ok(false) };
                self.read_line(&line)?;
                Ok(true)
            }
        }
    }

    fn take(&mut self, left: u64, decoded: &mut BytesMut) -> bool {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(self.waiting.len());
        decoded.extend_from_slice(&self.waiting[..count]);
        self.waiting.advance(count);
        let left = left - count as u64;
        self.state = if left == 0 { State::AfterPiece } else { State::Piece(left) };
        count > 0
    }

    fn line(&mut self) -> Result<Option<String>, Malformed> {
        let Some(end) = self.waiting.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.waiting.len() > LINE_BYTES_MAX { Err(Malformed) } else { Ok(None) };
        };
        let line = self.waiting.split_to(end);
        self.waiting.advance(2);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| Malformed)
    }

    fn read_line(&mut self, line: &str) -> Result<(), Malformed> {
        self.state = match self.state {
            State::AfterPiece if line.is_empty() => State::Size,
            State::Size => {
                let digits = line.split(';').next().unwrap_or_default();
                match u64::from_str_radix(digits, 16).map_err(|_| Malformed)? {
                    0 => State::Trailers,
                    size => State::Piece(size),
                }
            }
            State::Trailers if line.is_empty() => State::End,
            State::Trailers if self.trailers.len() < TRAILERS_MAX => {
                let (name, value) = line.split_once(':').ok_or(Malformed)?;
                self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                State::Trailers
            }
            _ => return Err(Malformed),
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
            let mut decoder = Decoder::new();
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
            let mut decoder = Decoder::new();
            decoder.feed(&BODY[..cut]).unwrap();
            // Right behind a whole line of the trailers the end may be missing.
            if cut != BODY.len() - 2 && !BODY[..cut].ends_with(b"cd\r\n") {
                assert_eq!(decoder.finish(), Err(Malformed), "cut at {cut}");
            }
        }
        for wrong in [&b"xyz\r\n"[..], b"5\r\nhello--", b"0\r\n\r\nmore", &[b'1'; 9_000]] {
            let mut decoder = Decoder::new();
            assert!(decoder.feed(wrong).is_err() || decoder.finish().is_err(), "{wrong:?}");
        }
    }
}
