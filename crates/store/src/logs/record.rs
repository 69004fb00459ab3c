//! Records of a segment: length, checksum, body. What a crash tore is recognised and is the end.
//!
//! ```text
//! length u32 | CRC32 of the body u32 | body
//! body: 1, stream id u32, created i64, name                               a stream appears in this segment
//!       2, stream id u32, timestamp i64, ingestion time i64, sequence u64, message
//!       3, sequence u64, name                                             a stream is deleted: what came before is gone
//! ```
//! All numbers are little-endian.

use std::ops::Range;

const STREAM: u8 = 1;
const EVENT: u8 = 2;
const DELETED: u8 = 3;

/// Length and checksum.
const FRAME_BYTES: usize = 8;

/// A record that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A stream's number in this segment.
    Stream { id: u32, created_ms: i64, name: &'a str },
    /// Something that was logged.
    Event(EventRecord<'a>),
    /// A stream was deleted when the next event was to be this one.
    Deleted { sequence: u64, name: &'a str },
}

/// See [`Record::Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventRecord<'a> {
    pub stream: u32,
    pub timestamp_ms: i64,
    pub ingestion_ms: i64,
    pub sequence: u64,
    pub message: &'a [u8],
}

/// Appends a record to `bytes`.
pub(super) fn encode(record: &Record<'_>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend([0; FRAME_BYTES]);
    match record {
        Record::Stream { id, created_ms, name } => {
            bytes.push(STREAM);
            bytes.extend(id.to_le_bytes());
            bytes.extend(created_ms.to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        Record::Event(event) => {
            bytes.push(EVENT);
            bytes.extend(event.stream.to_le_bytes());
            bytes.extend(event.timestamp_ms.to_le_bytes());
            bytes.extend(event.ingestion_ms.to_le_bytes());
            bytes.extend(event.sequence.to_le_bytes());
            bytes.extend(event.message);
        }
        Record::Deleted { sequence, name } => {
            bytes.push(DELETED);
            bytes.extend(sequence.to_le_bytes());
            bytes.extend(name.as_bytes());
        }
    }
    let body = &bytes[start + FRAME_BYTES..];
    let (length, sum) = (u32::try_from(body.len()).unwrap_or(u32::MAX), crc32fast::hash(body));
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..start + FRAME_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// The records of some bytes, each with where it is, up to the end or to what is torn.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, Record<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let length = usize::try_from(u32::from_le_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
        let sum = u32::from_le_bytes(rest.get(4..FRAME_BYTES)?.try_into().ok()?);
        let body = rest.get(FRAME_BYTES..FRAME_BYTES.checked_add(length)?)?;
        let record = (crc32fast::hash(body) == sum).then(|| decode(body)).flatten()?;
        let range = at..at + FRAME_BYTES + length;
        at = range.end;
        Some((range, record))
    })
}

fn decode(body: &[u8]) -> Option<Record<'_>> {
    let (kind, rest) = body.split_first()?;
    let mut reader = Reader(rest);
    match *kind {
        STREAM => {
            let (id, created_ms) = (reader.u32()?, reader.i64()?);
            Some(Record::Stream { id, created_ms, name: std::str::from_utf8(reader.0).ok()? })
        }
        EVENT => Some(Record::Event(EventRecord {
            stream: reader.u32()?,
            timestamp_ms: reader.i64()?,
            ingestion_ms: reader.i64()?,
            sequence: reader.u64()?,
            message: reader.0,
        })),
        DELETED => {
            let sequence = reader.u64()?;
            Some(Record::Deleted { sequence, name: std::str::from_utf8(reader.0).ok()? })
        }
        _ => None,
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_at_checked(N)?;
        self.0 = rest;
        taken.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_a_torn_one_is_the_end() {
        let event =
            EventRecord { stream: 7, timestamp_ms: -1, ingestion_ms: 2, sequence: 3, message: b"m\n" };
        let given = [
            Record::Stream { id: 7, created_ms: 1, name: "s" },
            Record::Event(event),
            Record::Deleted { sequence: 4, name: "s" },
        ];
        let mut bytes = Vec::new();
        given.iter().for_each(|record| encode(record, &mut bytes));
        let read: Vec<Record<'_>> = records(&bytes).map(|(_, record)| record).collect();
        assert_eq!(read, given);
        assert_eq!(records(&bytes[..bytes.len() - 1]).count(), 2);
        bytes[FRAME_BYTES + 1] ^= 1;
        assert_eq!(records(&bytes).count(), 0);
    }
}
