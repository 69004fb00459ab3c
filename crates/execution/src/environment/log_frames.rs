//! What a runtime writes to `_LAMBDA_TELEMETRY_LOG_FD`: framed messages, each one event however many lines it has (G-06).
//!
//! ```text
//! 4 bytes a5 5a 00 kind │ 4 bytes length │ 8 bytes microseconds, not for kind 1 │ message
//! ```
//! (AWS's runtime clients for Python, Node.js and Java.) The descriptor is another name for standard output, so that messages and
//! what is printed keep their order; a frame is known by its first three bytes, a length that can be, and a kind that there is. What
//! only looks like one is taken as printed, and a function that writes one says no more than it could say by printing. Threads that
//! print while another one writes a long frame (beyond 4 KB, the pipe's atomic write) can garble their own function's text, no more.

use lambda_model::limits::LOG_LINE_BYTES_MAX;

/// The variable that tells runtimes of the descriptor.
pub(crate) const LOG_DESCRIPTOR_VARIABLE: &str = "_LAMBDA_TELEMETRY_LOG_FD";
/// The number of the descriptor in runtimes' processes, as on Lambda.
pub(crate) const LOG_DESCRIPTOR: i32 = 62;

const MAGIC: [u8; 3] = [0xa5, 0x5a, 0x00];
/// The oldest kind has no time.
const KIND_WITHOUT_TIME: u8 = 1;
/// Format and level: two and three bits.
const KIND_MAX: u8 = 0x1f;

/// The next thing in what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Not framed.
    Printed(&'a [u8]),
    /// A message.
    Message(&'a [u8]),
    /// The beginning of a frame.
    Incomplete(&'a [u8]),
}

/// The first piece of `bytes`, and what is behind it; `None` where there is nothing.
pub(super) fn split(bytes: &[u8]) -> Option<(Piece<'_>, &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == MAGIC[0]).map(|at| from + at) {
        match frame(&bytes[at..]) {
            Frame::None => from = at + 1,
            _ if at > 0 => return Some((Piece::Printed(&bytes[..at]), &bytes[at..])),
            Frame::Incomplete => return Some((Piece::Incomplete(bytes), &[])),
            Frame::Whole { header, length } => {
                let (message, rest) = bytes[header..].split_at(length);
                return Some((Piece::Message(message), rest));
            }
        }
    }
    Some((Piece::Printed(bytes), &[]))
}

/// Whether a frame begins here.
enum Frame {
    None,
    Incomplete,
    Whole { header: usize, length: usize },
}

fn frame(bytes: &[u8]) -> Frame {
    let is_magic = bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic);
    if !is_magic || bytes.get(3).is_some_and(|kind| !(1..=KIND_MAX).contains(kind)) {
        return Frame::None;
    }
    let length = bytes.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes);
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
        return Frame::Incomplete;
    };
    if length > LOG_LINE_BYTES_MAX {
        return Frame::None;
    }
    let header = if bytes[3] == KIND_WITHOUT_TIME { 8 } else { 16 };
    if bytes.len() < header + length { Frame::Incomplete } else { Frame::Whole { header, length } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(kind: u8, message: &str) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let time: &[u8] = if kind == 1 { &[] } else { &[0xa5; 8] };
        [&[0xa5, 0x5a, 0, kind], &length[..], time, message.as_bytes()].concat()
    }

    fn pieces(mut bytes: &[u8]) -> Vec<Piece<'_>> {
        let mut found = Vec::new();
        while let Some((piece, rest)) = split(bytes) {
            found.push(piece);
            bytes = rest;
        }
        found
    }

    #[test]
    fn g_06_frames_stand_between_what_is_printed() {
        let bytes =
            [b"one\n", &framed(3, "two\nlines")[..], &framed(1, "old"), b"three", &framed(0x1e, "")].concat();
        assert_eq!(
            pieces(&bytes),
            [
                Piece::Printed(b"one\n"),
                Piece::Message(b"two\nlines"),
                Piece::Message(b"old"),
                Piece::Printed(b"three"),
                Piece::Message(b"")
            ]
        );
    }

    #[test]
    fn g_06_a_frame_in_several_writes_is_one_message() {
        let bytes = [b"x", &framed(3, "message")[..]].concat();
        for end in 2..bytes.len() {
            assert_eq!(
                pieces(&bytes[..end]),
                [Piece::Printed(b"x"), Piece::Incomplete(&bytes[1..end])],
                "cut at {end}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_frame_is_printed() {
        let too_long = [&[0xa5, 0x5a, 0, 3][..], &u32::MAX.to_be_bytes(), b"text"].concat();
        for bytes in [&[0xa5, 0x5a, 0, 0, 1][..], &[0xa5, 0x5a, 0, 0x20], &[0xa5, 0xa5, 1], &too_long] {
            assert_eq!(pieces(bytes), [Piece::Printed(bytes)]);
        }
    }
}
