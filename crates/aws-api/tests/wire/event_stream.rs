//! Frames as the SDKs read them.

use aws_api::protocol::event_stream::*;

#[test]
fn a_frame_is_laid_out_as_the_sdks_read_it() {
    let frame = event("PayloadChunk", "application/octet-stream", b"hi");
    let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
    assert_eq!(word(0) as usize, frame.len());
    assert_eq!(word(8), crc32fast::hash(&frame[..8]));
    assert_eq!(&frame[12..12 + 1 + 11 + 1], b"\x0b:event-type\x07");
    assert_eq!(&frame[frame.len() - 6..frame.len() - 4], b"hi");
    assert_eq!(word(frame.len() - 4), crc32fast::hash(&frame[..frame.len() - 4]));
    assert_eq!(12 + word(4) as usize + 2 + 4, frame.len());
}
