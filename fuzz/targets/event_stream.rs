//! Event-stream messages: whatever the payload, what is written is what a reader finds.

#![no_main]

use aws_api::protocol::event_stream::event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let frame = event("PayloadChunk", "application/octet-stream", payload);
    let word = |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
    let end = frame.len() - 4;
    let payload_at = 12 + word(4) as usize;
    assert_eq!(word(0) as usize, frame.len());
    assert_eq!(word(8), crc32fast::hash(&frame[..8]));
    assert_eq!(&frame[payload_at..end], payload);
    assert_eq!(word(end), crc32fast::hash(&frame[..end]));
});
