//! Event streams (`application/vnd.amazon.eventstream`): many messages in one body, each with headers and checksums.
//!
//! ```text
//! total length u32 | headers length u32 | CRC32 of these eight bytes
//! headers: name length u8, name, 7 (a string), value length u16, value
//! payload
//! CRC32 of everything before it
//! ```
//! All numbers are big-endian. The form is that of AWS's SDKs, which read it.

use bytes::{BufMut, Bytes, BytesMut};

/// The content type of a body that is an event stream.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// Type of a header's value: a string.
const STRING: u8 = 7;
/// Lengths and checksums.
const FRAME_BYTES: usize = 4 + 4 + 4 + 4;

/// An event of the model, such as `PayloadChunk`, with the content type of its payload.
pub fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let headers = [(":event-type", event_type), (":content-type", content_type), (":message-type", "event")];
    message(&headers, payload)
}

/// What comes first in the JSON protocols: the members of the output that are not the stream, of which no operation here has any.
pub fn initial_response() -> Bytes {
    event("initial-response", "application/json", b"{}")
}

/// An exception of the model, after which nothing comes; the payload is JSON.
pub fn exception(exception_type: &str, payload: &[u8]) -> Bytes {
    let headers = [
        (":exception-type", exception_type),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    message(&headers, payload)
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let header_bytes: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let total = FRAME_BYTES + header_bytes + payload.len();
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
    frame.put_u32(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    frame.put_u32(crc32fast::hash(&frame));
    for (name, value) in headers {
        // Names and values here are of the model: far shorter than these lengths can say.
        frame.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        frame.put_slice(name.as_bytes());
        frame.put_u8(STRING);
        frame.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        frame.put_slice(value.as_bytes());
    }
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame.freeze()
}
