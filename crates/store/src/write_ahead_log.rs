//! A damaged write-ahead log. SQLite takes the first frame that is not as it was written for the end of the log, since that is how the
//! end looks after a power loss; a single damaged bit would so take everything with it that was written after it, in silence.
//!
//! ```text
//! header ─ frame ─ frame ─ commit │ frame ─ commit │ frame ─ commit │ ... of an earlier round
//!            ▲ wrong               ▲ of this round: the transaction before it was on disk, and wrong is damaged, not torn
//! ```
//! A transaction is written only after the one before is on disk. So a wrong frame with frames of a later transaction behind it is
//! damage. The chain of checksums is then made anew, over the frames as they are, and what is wrong within them is found as it is in
//! the file itself. A wrong frame in the last transaction stays the end.

use std::{fs, path::Path};

use crate::{StoreError, data_dir::create_private_file, error::at, quarantine};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const PAGE_BYTES: usize = 4_096;
const FRAME_BYTES: usize = FRAME_HEADER_BYTES + PAGE_BYTES;
/// Of a log whose checksums are of little-endian words, which is how it is made on the machines that this runs on.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// What names a round of the log; every frame of it has them.
type Salts = [u8; 8];
/// Two sums that depend on all that came before.
type Checksum = (u32, u32);

/// Mends the log of this database if it is damaged; the original stays beside it. What there is to report.
pub(crate) fn mend(database: &Path) -> Result<Option<String>, StoreError> {
    let path = &quarantine::beside(database, "-wal");
    let mut log = match fs::read(path) {
        Ok(bytes) => Log { bytes },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let Some(end) = log.damaged() else { return Ok(None) };
    let aside = quarantine::free_name(path);
    write_whole(&aside, &log.bytes)?;
    log.make_chain_anew(end);
    let mended = quarantine::beside(path, ".mended");
    write_whole(&mended, &log.bytes)?;
    fs::rename(&mended, path).map_err(at(path))?;
    let report = format!("{} was damaged; as it was found it is {}", path.display(), aside.display());
    tracing::error!(report, "a write-ahead log is damaged");
    Ok(Some(report))
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    create_private_file(path)?;
    fs::write(path, bytes).and_then(|()| fs::File::open(path)?.sync_all()).map_err(at(path))
}

struct Log {
    bytes: Vec<u8>,
}

/// Where the frames of a round end, and its salts.
struct End {
    frames: usize,
    salts: Salts,
}

impl Log {
    /// Where the frames of this round end, if one of them is damaged, or the header is.
    fn damaged(&self) -> Option<End> {
        let salts = self.salts()?;
        let frames = (0..self.frame_count()).rev().find(|index| self.frame_salts(*index) == salts)? + 1;
        let first_wrong = self.first_wrong(salts, frames)?;
        let commit = (first_wrong..frames).find(|index| self.is_commit(*index))?;
        let has_later = (commit + 1..frames).any(|index| self.frame_salts(index) == salts);
        (has_later || !self.has_whole_header()).then_some(End { frames, salts })
    }

    /// The salts of this round: the header's, or, if that is damaged, those of the first frames that agree.
    fn salts(&self) -> Option<Salts> {
        if self.has_whole_header() {
            return self.bytes.get(16..24)?.try_into().ok();
        }
        let first: Vec<_> = (0..self.frame_count().min(3)).map(|index| self.frame_salts(index)).collect();
        first.iter().find(|salts| first.iter().filter(|other| other == salts).count() > 1).copied()
    }

    fn has_whole_header(&self) -> bool {
        let Some(header) = self.bytes.get(..HEADER_BYTES) else { return false };
        let sums = checksum((0, 0), &header[..24]);
        word(header, 0) == MAGIC && sums == (word(header, 24), word(header, 28))
    }

    fn frame_count(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER_BYTES) / FRAME_BYTES
    }

    fn frame(&self, index: usize) -> &[u8] {
        let start = HEADER_BYTES + index * FRAME_BYTES;
        &self.bytes[start..start + FRAME_BYTES]
    }

    fn frame_salts(&self, index: usize) -> Salts {
        let mut salts = Salts::default();
        salts.copy_from_slice(&self.frame(index)[8..16]);
        salts
    }

    /// Whether the frame is the last of a transaction: only that tells the size of the file.
    fn is_commit(&self, index: usize) -> bool {
        word(self.frame(index), 4) != 0
    }

    /// The first frame that is not as it was written. With a damaged header that is the first.
    fn first_wrong(&self, salts: Salts, frames: usize) -> Option<usize> {
        if !self.has_whole_header() {
            return Some(0);
        }
        let mut sums = (word(&self.bytes, 24), word(&self.bytes, 28));
        (0..frames).find(|index| {
            let frame = self.frame(*index);
            sums = frame_checksum(sums, frame);
            self.frame_salts(*index) != salts || sums != (word(frame, 16), word(frame, 20))
        })
    }

    fn make_chain_anew(&mut self, end: End) {
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&self.bytes[..HEADER_BYTES]);
        put(&mut header, 0, MAGIC);
        put(&mut header, 4, VERSION);
        put(&mut header, 8, PAGE_BYTES as u32);
        header[16..24].copy_from_slice(&end.salts);
        let mut sums = checksum((0, 0), &header[..24]);
        put(&mut header, 24, sums.0);
        put(&mut header, 28, sums.1);
        self.bytes[..HEADER_BYTES].copy_from_slice(&header);
        for frame in self.bytes[HEADER_BYTES..].chunks_exact_mut(FRAME_BYTES).take(end.frames) {
            frame[8..16].copy_from_slice(&end.salts);
            sums = frame_checksum(sums, frame);
            put(frame, 16, sums.0);
            put(frame, 20, sums.1);
        }
    }
}

fn frame_checksum(before: Checksum, frame: &[u8]) -> Checksum {
    checksum(checksum(before, &frame[..8]), &frame[FRAME_HEADER_BYTES..])
}

/// SQLite's own, over little-endian words.
fn checksum(before: Checksum, bytes: &[u8]) -> Checksum {
    let little = |at: &[u8]| u32::from_le_bytes([at[0], at[1], at[2], at[3]]);
    bytes.chunks_exact(8).fold(before, |(first, second), pair| {
        let first = first.wrapping_add(little(pair)).wrapping_add(second);
        let second = second.wrapping_add(little(&pair[4..])).wrapping_add(first);
        (first, second)
    })
}

/// Numbers in the log are big-endian.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
