//! The head of a streamed answer (P-04): JSON with status, headers and cookies, eight bytes of zero, then the body.
//!
//! ```text
//! Head (bytes so far) ──eight zeros──► WebAnswer, and what follows of the body
//!                     ──too long, no JSON──► malformed
//! ```

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::{
    WebAnswer,
    answer::{self, Malformed},
};

/// The type of a response that begins with a head.
pub const CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
const END: [u8; 8] = [0; 8];
/// Of the JSON, bytes: as many as all headers of a request may have.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A head that comes in pieces.
#[derive(Debug, Default)]
pub struct Prelude {
    received: BytesMut,
}

impl Prelude {
    /// Takes the next piece: the answer, with what is there of its body, once the head is whole.
    ///
    /// # Errors
    /// When it is too long, or not what a head is.
    pub fn take(&mut self, piece: &[u8]) -> Result<Option<WebAnswer>, Malformed> {
        // The zeros may have begun in the piece before.
        let from = self.received.len().saturating_sub(END.len() - 1);
        self.received.extend_from_slice(piece);
        let found = self.received[from..].windows(END.len()).position(|window| window == END);
        let Some(at) = found.map(|at| from + at) else {
            let is_too_long = self.received.len() > HEAD_BYTES_MAX;
            return if is_too_long { Err(Malformed::NotJson) } else { Ok(None) };
        };
        let head = self.received.split_to(at);
        let body = self.received.split().freeze().slice(END.len()..);
        parse(&head, body).map(Some)
    }
}

fn parse(head: &[u8], body: Bytes) -> Result<WebAnswer, Malformed> {
    match serde_json::from_slice(head) {
        Ok(Value::Object(members)) => Ok(WebAnswer { body, ..answer::head(&members)? }),
        _ => Err(Malformed::NotJson),
    }
}
