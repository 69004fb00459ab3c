//! A log group: its settings, its streams, its segments. Appending and reading may happen at the same time.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use lambda_model::error::with_causes;

use super::{
    LogEvent,
    record::{self, EventRecord, Record},
    segment::{Segment, SegmentIndex},
    settings::LogGroupSettings,
};
use crate::{StoreError, error::at};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// All files of a group, bytes; beyond, the oldest segments go.
    pub group_bytes_max: u64,
    /// A segment being written, bytes; beyond, it is sealed.
    pub segment_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { group_bytes_max: 1024 * 1024 * 1024, segment_bytes_max: 8 * 1024 * 1024 }
    }
}

/// A segment is sealed at this age even if it is small, so that retention can delete it, milliseconds.
const SEGMENT_AGE_MS_MAX: i64 = 3_600_000;

/// See the module's doc.
pub(super) struct LogGroup {
    pub folder: PathBuf,
    bounds: Bounds,
    settings: RwLock<LogGroupSettings>,
    index: RwLock<Index>,
    /// Held while something is appended, sealed or removed.
    writing: Mutex<()>,
}

/// Where everything is.
#[derive(Default)]
pub(super) struct Index {
    pub streams: HashMap<Arc<str>, LogStreamState>,
    /// In order; the last may be open.
    pub segments: Vec<Segment>,
    /// Of deleted streams: what came before the event of this number is gone.
    pub forgotten: HashMap<Arc<str>, u64>,
    pub next_sequence: u64,
}

/// A log stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogStreamState {
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// Of its oldest event.
    pub first_event_ms: Option<i64>,
    /// Of its newest event.
    pub last_event_ms: Option<i64>,
    /// When its last event came.
    pub last_ingestion_ms: Option<i64>,
}

impl LogStreamState {
    fn saw(&mut self, from_ms: i64, to_ms: i64) {
        self.first_event_ms = Some(self.first_event_ms.map_or(from_ms, |first| first.min(from_ms)));
        self.last_event_ms = Some(self.last_event_ms.map_or(to_ms, |last| last.max(to_ms)));
    }
}

impl LogGroup {
    /// A new group, durable when it returns.
    pub(super) fn create(
        folder: PathBuf,
        settings: LogGroupSettings,
        bounds: Bounds,
    ) -> Result<Self, StoreError> {
        super::make_folder(&folder)?;
        settings.write(&folder)?;
        let parent = folder.parent().unwrap_or(&folder);
        crate::data_dir::sync_directory(parent)?;
        Ok(Self::with(folder, settings, bounds, Index::default()))
    }

    /// What an earlier server left. A segment that cannot be read is left out, and said.
    pub(super) fn open(folder: PathBuf, bounds: Bounds) -> Result<Self, StoreError> {
        let settings = LogGroupSettings::read(&folder)?;
        let mut index = Index::default();
        for path in segment_files(&folder).map_err(at(&folder))? {
            match Segment::open(&path) {
                Ok(segment) => index.add(segment),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a segment of a log cannot be read");
                }
            }
        }
        Ok(Self::with(folder, settings, bounds, index))
    }

    fn with(folder: PathBuf, settings: LogGroupSettings, bounds: Bounds, index: Index) -> Self {
        Self {
            folder,
            bounds,
            settings: RwLock::new(settings),
            index: RwLock::new(index),
            writing: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> LogGroupSettings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings; nothing is changed when that fails.
    pub(super) fn change<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut LogGroupSettings) -> Result<T, E>,
    ) -> Result<T, E> {
        let _writing = self.writing();
        let mut settings = self.settings();
        let changed = change(&mut settings)?;
        settings.write(&self.folder)?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(changed)
    }

    /// Everything in the index.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of all files.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.index().segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Makes a stream. False when it is there already.
    pub(super) fn create_stream(&self, name: &str, now_ms: i64) -> Result<bool, StoreError> {
        let _writing = self.writing();
        if self.index().streams.contains_key(name) {
            return Ok(false);
        }
        self.append_records(&[(name, Vec::new())], now_ms)?;
        Ok(true)
    }

    /// Deletes a stream with everything in it. False when it is not there.
    pub(super) fn delete_stream(&self, name: &str) -> Result<bool, StoreError> {
        let _writing = self.writing();
        let sequence = {
            let index = self.index();
            if !index.streams.contains_key(name) {
                return Ok(false);
            }
            index.next_sequence
        };
        let mut bytes = Vec::new();
        let record = Record::Deleted { sequence, name };
        record::encode(&record, &mut bytes);
        self.append_to_segment(|segment| segment.append(&bytes, &[(bytes.len() as u64, record)]))?;
        self.index_mut().forget_stream(name, sequence);
        Ok(true)
    }

    /// Appends events to a stream, which is made if need be.
    pub(super) fn append(
        &self,
        stream: &str,
        events: &[LogEvent<'_>],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.append_all(&[(stream, events.to_vec())], now_ms)
    }

    /// Appends events to several streams in one go.
    pub(super) fn append_all(
        &self,
        parts: &[(&str, Vec<LogEvent<'_>>)],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let _writing = self.writing();
        self.append_records(parts, now_ms)
    }

    /// What was appended is on disk when this returns.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let file = {
            let index = self.index();
            index.segments.last().filter(|segment| !segment.is_sealed).map(Segment::file).transpose()
        };
        let synced = file.and_then(|file| file.map_or(Ok(()), |file| file.sync_data()));
        synced.map_err(at(&self.folder))
    }

    /// Closes what is open until somebody writes or reads again.
    pub(super) fn rest(&self) {
        self.index().segments.last().into_iter().for_each(Segment::close);
    }

    fn append_records(&self, parts: &[(&str, Vec<LogEvent<'_>>)], now_ms: i64) -> Result<(), StoreError> {
        let (mut sequence, are_known) = {
            let index = self.index();
            let are_known = parts.iter().map(|(stream, _)| index.streams.contains_key(*stream));
            (index.next_sequence, are_known.collect::<Vec<bool>>())
        };
        self.append_to_segment(|segment| {
            let mut numbers = StreamNumbers { segment: &segment.index, new: Vec::new() };
            let mut encoded = Encoded::default();
            for ((name, events), is_known) in parts.iter().zip(are_known) {
                let (stream, is_new) = numbers.of(name, is_known)?;
                if is_new {
                    encoded.add(Record::Stream { id: stream, created_ms: now_ms, name });
                }
                for LogEvent { timestamp_ms, message } in events {
                    let (timestamp_ms, ingestion_ms) = (*timestamp_ms, now_ms);
                    encoded.add(Record::Event(EventRecord {
                        stream,
                        timestamp_ms,
                        ingestion_ms,
                        sequence,
                        message,
                    }));
                    sequence += 1;
                }
            }
            segment.append(&encoded.bytes, &encoded.records)
        })?;
        let mut index = self.index_mut();
        parts.iter().for_each(|(stream, events)| index.saw(stream, events, now_ms));
        Ok(())
    }

    /// Writes to the open segment, or to a new one. A full one is sealed afterwards.
    fn append_to_segment(
        &self,
        append: impl FnOnce(&mut Segment) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let mut index = self.index_mut();
        if index.segments.last().is_none_or(|segment| segment.is_sealed) {
            let number = index.segments.last().map_or(0, |segment| segment.number + 1);
            index.segments.push(Segment::create(&self.folder, number).map_err(at(&self.folder))?);
        }
        let Some(segment) = index.segments.last_mut() else { return Ok(()) };
        append(segment).map_err(at(&self.folder))?;
        let is_full = segment.bytes >= self.bounds.segment_bytes_max;
        drop(index);
        // What was appended is there, whatever becomes of this: its caller must take note of it. The next one tries again.
        if is_full && let Err(error) = self.seal_last() {
            tracing::warn!(folder = %self.folder.display(), error = with_causes(&error), "a full segment of a log is not sealed");
        }
        Ok(())
    }

    /// Compresses the open segment. Readers go on meanwhile.
    fn seal_last(&self) -> Result<(), StoreError> {
        let sealed = {
            let index = self.index();
            let Some(open) = index.segments.last().filter(|segment| !segment.is_sealed) else {
                return Ok(());
            };
            open.seal().map_err(at(&self.folder))?
        };
        let mut index = self.index_mut();
        if let Some(last) = index.segments.last_mut() {
            *last = sealed;
        }
        drop(index);
        self.make_room();
        Ok(())
    }

    /// Deletes what is too old, and what is too much.
    pub(super) fn maintain(&self, now_ms: i64) -> Result<(), StoreError> {
        let _writing = self.writing();
        let is_old = |segment: &Segment| {
            let ingested = segment.index.blocks.first().map_or(i64::MAX, |block| block.min_ms);
            !segment.is_sealed && ingested < now_ms - SEGMENT_AGE_MS_MAX
        };
        let expired_before_ms = self.settings().expired_before_ms(now_ms);
        let has_old = self.index().segments.last().is_some_and(is_old);
        if has_old && expired_before_ms > i64::MIN {
            self.seal_last()?;
        }
        self.remove_segments(|segment| {
            segment.is_sealed && segment.index.max_ms().is_some_and(|max| max < expired_before_ms)
        });
        self.make_room();
        Ok(())
    }

    /// The oldest sealed segments go while there is too much.
    fn make_room(&self) {
        let mut excess = self.stored_bytes().saturating_sub(self.bounds.group_bytes_max);
        self.remove_segments(|segment| {
            let goes = excess > 0 && segment.is_sealed;
            if goes {
                excess = excess.saturating_sub(segment.bytes);
            }
            goes
        });
    }

    fn remove_segments(&self, mut goes: impl FnMut(&Segment) -> bool) {
        let mut index = self.index_mut();
        let before = index.segments.len();
        index.segments.retain(|segment| {
            let is_kept = !goes(segment);
            if !is_kept && let Err(error) = fs::remove_file(&segment.path) {
                tracing::warn!(path = %segment.path.display(), %error, "old log not removed");
            }
            is_kept
        });
        if index.segments.len() < before {
            index.forget_what_is_gone();
        }
    }
}

/// The numbers of streams in a segment that is being appended to.
struct StreamNumbers<'a> {
    segment: &'a SegmentIndex,
    /// Those that this segment has not seen yet.
    new: Vec<&'a str>,
}

impl<'a> StreamNumbers<'a> {
    /// A stream's, and whether it gets it now. One that is not known any more gets another.
    fn of(&mut self, name: &'a str, is_known: bool) -> io::Result<(u32, bool)> {
        let before = self.segment.streams.len();
        let known = || self.segment.streams.iter().rposition(|known| &*known.name == name);
        let new = self.new.iter().position(|new| *new == name).map(|place| before + place);
        let found = new.or_else(|| known().filter(|_| is_known));
        let number = found.unwrap_or(before + self.new.len());
        if found.is_none() {
            self.new.push(name);
        }
        Ok((u32::try_from(number).map_err(io::Error::other)?, found.is_none()))
    }
}

/// Records as they are written, with the length of each.
#[derive(Default)]
struct Encoded<'a> {
    bytes: Vec<u8>,
    records: Vec<(u64, Record<'a>)>,
}

impl<'a> Encoded<'a> {
    fn add(&mut self, record: Record<'a>) {
        let before = self.bytes.len();
        record::encode(&record, &mut self.bytes);
        self.records.push(((self.bytes.len() - before) as u64, record));
    }
}

impl Index {
    /// What was appended is known.
    fn saw(&mut self, stream: &str, events: &[LogEvent<'_>], now_ms: i64) {
        self.next_sequence += events.len() as u64;
        let state = self.stream(stream, now_ms);
        for event in events {
            state.saw(event.timestamp_ms, event.timestamp_ms);
        }
        if !events.is_empty() {
            state.last_ingestion_ms = Some(now_ms);
        }
    }

    fn stream(&mut self, name: &str, created_ms: i64) -> &mut LogStreamState {
        let state = LogStreamState { created_ms, ..LogStreamState::default() };
        self.streams.entry(Arc::from(name)).or_insert(state)
    }

    /// A segment of an earlier server, the newest yet.
    fn add(&mut self, segment: Segment) {
        for deleted in &segment.index.deleted {
            self.forget_stream(&deleted.name, deleted.sequence);
        }
        for (id, stream) in segment.index.streams.iter().enumerate() {
            if segment.index.is_live(id) {
                self.stream(&stream.name, stream.created_ms);
            }
        }
        for block in &segment.index.blocks {
            for (id, from_ms, to_ms) in &block.streams {
                self.saw_before(&segment, *id as usize, (*from_ms, *to_ms));
            }
            if block.first_sequence <= block.last_sequence {
                self.next_sequence = self.next_sequence.max(block.last_sequence + 1);
            }
        }
        self.segments.push(segment);
    }

    fn saw_before(&mut self, segment: &Segment, id: usize, (from_ms, to_ms): (i64, i64)) {
        let Some(stream) = segment.index.streams.get(id).filter(|_| segment.index.is_live(id)) else {
            return;
        };
        let state = self.stream(&stream.name, stream.created_ms);
        state.saw(from_ms, to_ms);
        // The time of its coming is not in the index; the event's own is near it.
        state.last_ingestion_ms = state.last_event_ms;
    }

    fn forget_stream(&mut self, name: &str, sequence: u64) {
        self.streams.remove(name);
        self.forgotten.insert(Arc::from(name), sequence);
    }

    /// Streams of which nothing is left go with the last segment that knew them.
    fn forget_what_is_gone(&mut self) {
        let known: std::collections::HashSet<Arc<str>> = self
            .segments
            .iter()
            .flat_map(|segment| segment.index.streams.iter().map(|stream| Arc::clone(&stream.name)))
            .collect();
        self.streams.retain(|name, _| known.contains(name));
    }
}

/// The segments of a folder in order. One that was being sealed is there twice: sealed, it is whole.
fn segment_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut segments: Vec<PathBuf> = Vec::new();
    for path in files {
        match path.extension().and_then(|extension| extension.to_str()) {
            // Sorts before the sealed form of the same number.
            Some("log") if path.with_extension("seg").exists() => fs::remove_file(&path)?,
            Some("log" | "seg") => segments.push(path),
            Some("new") => fs::remove_file(&path)?,
            _ => {}
        }
    }
    Ok(segments)
}
