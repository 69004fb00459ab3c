//! A segment: part of a group's log in one file, and where in it what is.
//!
//! ```text
//! 00000007.log   being written: records one after another
//! 00000007.seg   sealed: its blocks compressed, the index behind them, the index's length, a mark
//! ```
//! A block is a stretch of records, about [`BLOCK_BYTES`] of them. Which streams are in it, of which times, is in memory: a read
//! opens only blocks that may hold what it wants.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};

use super::record::{self, EventRecord, Record};
use crate::data_dir::sync_directory;

/// Records of a block, bytes.
const BLOCK_BYTES: u64 = 64 * 1024;
/// The end of a sealed segment.
const MARK: &[u8; 8] = b"LAMBLOG1";
/// Length of the index, and the mark.
const TRAILER_BYTES: u64 = 4 + 8;

/// See the module's doc.
pub(super) struct Segment {
    pub number: u64,
    pub path: PathBuf,
    /// Kept open while it is written to.
    open: Mutex<Option<Arc<File>>>,
    pub is_sealed: bool,
    pub index: SegmentIndex,
    /// Of the file.
    pub bytes: u64,
}

/// What a segment holds.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct SegmentIndex {
    /// By number.
    pub streams: Vec<SegmentStream>,
    pub blocks: Vec<Block>,
    pub deleted: Vec<DeletedStream>,
}

/// A stream that was deleted while a segment was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DeletedStream {
    pub name: Arc<str>,
    /// The event that was to come next.
    pub sequence: u64,
    /// Streams that the segment had then: one of the same name with a higher number was made afterwards.
    pub streams_before: usize,
}

/// A stream that has something in a segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SegmentStream {
    pub name: Arc<str>,
    pub created_ms: i64,
}

/// A stretch of records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Block {
    pub offset: u64,
    /// In the file.
    pub length: u64,
    /// Uncompressed.
    pub raw_length: u64,
    pub min_ms: i64,
    pub max_ms: i64,
    pub first_sequence: u64,
    pub last_sequence: u64,
    /// The streams in it, with the times of their events.
    pub streams: Vec<(u32, i64, i64)>,
}

impl Block {
    fn new(offset: u64) -> Self {
        Self {
            offset,
            length: 0,
            raw_length: 0,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            first_sequence: u64::MAX,
            last_sequence: 0,
            streams: Vec::new(),
        }
    }

    fn add(&mut self, event: &EventRecord<'_>) {
        self.min_ms = self.min_ms.min(event.timestamp_ms);
        self.max_ms = self.max_ms.max(event.timestamp_ms);
        self.first_sequence = self.first_sequence.min(event.sequence);
        self.last_sequence = self.last_sequence.max(event.sequence);
        match self.streams.iter_mut().find(|(id, ..)| *id == event.stream) {
            Some((_, min, max)) => {
                (*min, *max) = ((*min).min(event.timestamp_ms), (*max).max(event.timestamp_ms));
            }
            None => self.streams.push((event.stream, event.timestamp_ms, event.timestamp_ms)),
        }
    }
}

impl SegmentIndex {
    /// Takes note of a record that lies `length` bytes long at the end of what is known.
    pub(super) fn note(&mut self, length: u64, record: &Record<'_>) {
        let end = self.blocks.last().map_or(0, |block| block.offset + block.length);
        if self.blocks.last().is_none_or(|block| block.length >= BLOCK_BYTES) {
            self.blocks.push(Block::new(end));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.length += length;
            block.raw_length += length;
            if let Record::Event(event) = record {
                block.add(event);
            }
        }
        match record {
            Record::Stream { created_ms, name, .. } => {
                self.streams.push(SegmentStream { name: Arc::from(*name), created_ms: *created_ms });
            }
            Record::Deleted { sequence, name } => {
                let streams_before = self.streams.len();
                let (name, sequence) = (Arc::from(*name), *sequence);
                self.deleted.push(DeletedStream { name, sequence, streams_before });
            }
            Record::Event(_) => {}
        }
    }

    /// Whether the stream of this number was not deleted.
    pub(super) fn is_live(&self, id: usize) -> bool {
        let name = self.streams.get(id).map(|stream| &stream.name);
        let is_its = |deleted: &DeletedStream| Some(&deleted.name) == name && deleted.streams_before > id;
        name.is_some() && !self.deleted.iter().any(is_its)
    }

    /// The newest event.
    pub(super) fn max_ms(&self) -> Option<i64> {
        self.blocks.iter().map(|block| block.max_ms).max().filter(|max| *max > i64::MIN)
    }
}

impl Segment {
    /// A new one to write to.
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = folder.join(format!("{number:08}.log"));
        let file = OpenOptions::new().create_new(true).read(true).append(true).mode(0o600).open(&path)?;
        Ok(Self {
            number,
            path,
            open: Mutex::new(Some(Arc::new(file))),
            is_sealed: false,
            index: SegmentIndex::default(),
            bytes: 0,
        })
    }

    /// Opens what an earlier server wrote. The torn end of an unsealed one is cut off.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(invalid)?;
        let number = stem.parse().map_err(|_| invalid())?;
        let is_sealed = path.extension().is_some_and(|extension| extension == "seg");
        let file = open(path, is_sealed)?;
        let (index, bytes) = if is_sealed { read_index(&file)? } else { scan(&file)? };
        Ok(Self { number, path: path.to_owned(), open: Mutex::default(), is_sealed, index, bytes })
    }

    /// The file, opened if need be: there are many groups, and few that somebody writes to or reads.
    pub(super) fn file(&self) -> io::Result<Arc<File>> {
        let kept = self.kept().clone();
        kept.map_or_else(|| Ok(Arc::new(open(&self.path, self.is_sealed)?)), Ok)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Arc<File>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the file until somebody needs it.
    pub(super) fn close(&self) {
        *self.kept() = None;
    }

    /// Appends records that were encoded, each with its length. Whole or not at all.
    pub(super) fn append(&mut self, bytes: &[u8], records: &[(u64, Record<'_>)]) -> io::Result<()> {
        let file = self.file()?;
        *self.kept() = Some(Arc::clone(&file));
        if let Err(error) = (&*file).write_all(bytes) {
            // A torn record would hide everything behind it.
            let _ = file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        records.iter().for_each(|(length, record)| self.index.note(*length, record));
        Ok(())
    }

    /// The same segment, compressed. The file it was is gone; whoever reads it still can.
    pub(super) fn seal(&self) -> io::Result<Self> {
        let folder = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        let new = folder.join(format!("{:08}.new", self.number));
        let mut file =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o600).open(&new)?;
        let (old, mut index) = (self.file()?, self.index.clone());
        let mut offset = 0;
        for block in &mut index.blocks {
            let compressed = compress(&read_block(&old, block, self.is_sealed)?)?;
            file.write_all(&compressed)?;
            (block.offset, block.length) = (offset, compressed.len() as u64);
            offset += block.length;
        }
        let footer = compress(&serde_json::to_vec(&index)?)?;
        file.write_all(&footer)?;
        file.write_all(&u32::try_from(footer.len()).map_err(io::Error::other)?.to_le_bytes())?;
        file.write_all(MARK)?;
        file.sync_data()?;
        let path = folder.join(format!("{:08}.seg", self.number));
        fs::rename(&new, &path)?;
        sync_directory(folder).map_err(io::Error::other)?;
        // From here on the sealed one counts. What cannot be removed goes with the next start.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a sealed segment is still there unsealed");
        }
        let bytes = offset + footer.len() as u64 + TRAILER_BYTES;
        Ok(Self { number: self.number, path, open: Mutex::default(), is_sealed: true, index, bytes })
    }
}

fn open(path: &Path, is_sealed: bool) -> io::Result<File> {
    OpenOptions::new().read(true).append(!is_sealed).open(path)
}

/// The records of a block.
pub(super) fn read_block(file: &File, block: &Block, is_sealed: bool) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(block.length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, block.offset)?;
    if !is_sealed {
        return Ok(bytes);
    }
    let mut raw = Vec::with_capacity(usize::try_from(block.raw_length).unwrap_or(0));
    ZlibDecoder::new(&bytes[..]).take(block.raw_length).read_to_end(&mut raw)?;
    Ok(raw)
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn read_index(file: &File) -> io::Result<(SegmentIndex, u64)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let bytes = file.metadata()?.len();
    let mut trailer = [0; TRAILER_BYTES as usize];
    let at = bytes.checked_sub(TRAILER_BYTES).ok_or_else(invalid)?;
    file.read_exact_at(&mut trailer, at)?;
    let (length, mark) = trailer.split_at(4);
    if mark != MARK {
        return Err(invalid());
    }
    let length = u64::from(u32::from_le_bytes(length.try_into().map_err(|_| invalid())?));
    let mut footer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut footer, at.checked_sub(length).ok_or_else(invalid)?)?;
    let mut text = Vec::new();
    ZlibDecoder::new(&footer[..]).read_to_end(&mut text)?;
    Ok((serde_json::from_slice(&text)?, bytes))
}

fn scan(mut file: &File) -> io::Result<(SegmentIndex, u64)> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut index = SegmentIndex::default();
    let mut end = 0;
    for (range, record) in record::records(&bytes) {
        index.note(range.len() as u64, &record);
        end = range.end as u64;
    }
    if end < bytes.len() as u64 {
        file.set_len(end)?;
    }
    Ok((index, end))
}
