//! Reading events of a group: in the order of their times, in pages, from where a page ended; or in the order of their coming.
//!
//! Blocks that may hold something wanted are opened one after another, in the order of their times, and never more of them than a
//! page needs. Events wait in a heap until no block that is still closed can hold an earlier one.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs::File,
    io,
    sync::Arc,
};

use super::{
    group::LogGroup,
    record::{self, EventRecord, Record},
    segment::{Block, SegmentStream, read_block},
};
use crate::{StoreError, error::at};

/// Where an event stands in the order of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// Unix time, milliseconds.
    pub timestamp_ms: i64,
    /// Of the group, in the order of coming.
    pub sequence: u64,
}

/// An event that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Where it stands.
    pub position: LogPosition,
    /// The name of its stream.
    pub stream: Arc<str>,
    /// When it came, Unix time in milliseconds.
    pub ingestion_ms: i64,
    /// What it says; what is not UTF-8 is replaced.
    pub message: String,
}

/// Which streams.
#[derive(Debug, Clone, Default)]
pub enum StreamSelection {
    /// All of the group.
    #[default]
    All,
    /// Those of these names.
    Names(Vec<String>),
    /// Those whose names begin with one of these.
    Prefixes(Vec<String>),
    /// Those whose names contain this.
    Containing(String),
}

impl StreamSelection {
    /// Whether it has the stream.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.iter().any(|known| known == name),
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
            Self::Containing(part) => name.contains(part),
        }
    }
}

/// What to read.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Of which streams.
    pub streams: StreamSelection,
    /// From this time on, Unix time in milliseconds.
    pub from_ms: i64,
    /// Before this time.
    pub to_ms: i64,
    /// Beyond this event, in the direction of reading.
    pub beyond: Option<LogPosition>,
    /// From the newest to the oldest.
    pub is_backward: bool,
    /// Events of a page.
    pub events_max: usize,
    /// Their messages, bytes.
    pub bytes_max: usize,
    /// Events looked at for a page: one with few matches ends early.
    pub looked_at_max: usize,
}

/// A page.
#[derive(Debug, Default)]
pub struct LogPage {
    /// In the order of reading.
    pub events: Vec<StoredEvent>,
    /// The last event that was looked at, matching or not.
    pub last: Option<LogPosition>,
    /// Whether there is nothing more.
    pub is_at_end: bool,
}

/// A block to read, with what it takes.
struct Candidate {
    file: Arc<File>,
    is_sealed: bool,
    block: Block,
    streams: Arc<HashMap<u32, Arc<str>>>,
    /// Earlier events of deleted streams are gone.
    forgotten: Arc<HashMap<Arc<str>, u64>>,
}

impl LogGroup {
    /// A page of events that `is_wanted`, ordered by time.
    pub(super) fn read(
        &self,
        query: &LogQuery,
        now_ms: i64,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<LogPage, StoreError> {
        // What has expired is not shown, whether or not its file is gone yet.
        let from_ms = query.from_ms.max(self.settings().expired_before_ms(now_ms));
        let query = LogQuery { from_ms, ..query.clone() };
        let candidates = self.candidates(&query.streams, |block| {
            block.max_ms >= query.from_ms && block.min_ms < query.to_ms && query.may_hold(block)
        });
        let mut candidates = candidates.map_err(at(&self.folder))?;
        // The next to be read is the last.
        candidates.sort_by_key(|candidate| {
            let block = &candidate.block;
            if query.is_backward { block.max_ms } else { block.min_ms.saturating_neg() }
        });
        Page { query: &query, is_wanted, waiting: BinaryHeap::new(), page: LogPage::default() }
            .fill(candidates)
            .map_err(at(&self.folder))
    }

    /// Events from the given one on in the order of their coming, about `bytes_max` of them, and which comes next.
    pub(super) fn read_from(
        &self,
        sequence: u64,
        streams: &StreamSelection,
        bytes_max: usize,
    ) -> Result<(Vec<StoredEvent>, u64), StoreError> {
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, sequence);
        let candidates = self.candidates(streams, |block| block.last_sequence >= sequence);
        for candidate in candidates.map_err(at(&self.folder))? {
            if bytes >= bytes_max {
                break;
            }
            for event in candidate.read().map_err(at(&self.folder))? {
                if event.position.sequence >= sequence {
                    bytes += event.message.len();
                    next = next.max(event.position.sequence + 1);
                    events.push(event);
                }
            }
        }
        Ok((events, next))
    }

    /// Blocks with something of the wanted streams, in the order of writing.
    fn candidates(
        &self,
        streams: &StreamSelection,
        may_hold: impl Fn(&Block) -> bool,
    ) -> io::Result<Vec<Candidate>> {
        let index = self.index();
        let forgotten = Arc::new(index.forgotten.clone());
        let mut candidates = Vec::new();
        for segment in &index.segments {
            let wanted = Arc::new(wanted_streams(&segment.index.streams, streams));
            if wanted.is_empty() {
                continue;
            }
            let blocks = segment.index.blocks.iter().filter(|block| {
                may_hold(block) && block.streams.iter().any(|(id, ..)| wanted.contains_key(id))
            });
            let mut blocks = blocks.peekable();
            if blocks.peek().is_none() {
                continue;
            }
            // Now: it may have another name when it is read.
            let file = segment.file()?;
            candidates.extend(blocks.map(|block| Candidate {
                file: Arc::clone(&file),
                is_sealed: segment.is_sealed,
                block: block.clone(),
                streams: Arc::clone(&wanted),
                forgotten: Arc::clone(&forgotten),
            }));
        }
        Ok(candidates)
    }
}

fn wanted_streams(streams: &[SegmentStream], selection: &StreamSelection) -> HashMap<u32, Arc<str>> {
    let numbered = (0_u32..).zip(streams);
    let wanted = numbered.filter(|(_, stream)| selection.has(&stream.name));
    wanted.map(|(id, stream)| (id, Arc::clone(&stream.name))).collect()
}

impl Candidate {
    /// The wanted streams' events in it.
    fn read(&self) -> io::Result<Vec<StoredEvent>> {
        let bytes = read_block(&self.file, &self.block, self.is_sealed)?;
        let events = record::records(&bytes).filter_map(|(_, record)| match record {
            Record::Event(event) => self.event(&event),
            Record::Stream { .. } | Record::Deleted { .. } => None,
        });
        Ok(events.collect())
    }

    fn event(&self, event: &EventRecord<'_>) -> Option<StoredEvent> {
        let stream = self.streams.get(&event.stream)?;
        let is_gone = self.forgotten.get(stream).is_some_and(|sequence| event.sequence < *sequence);
        (!is_gone).then(|| StoredEvent {
            position: LogPosition { timestamp_ms: event.timestamp_ms, sequence: event.sequence },
            stream: Arc::clone(stream),
            ingestion_ms: event.ingestion_ms,
            message: String::from_utf8_lossy(event.message).into_owned(),
        })
    }
}

impl LogQuery {
    /// Whether a block may hold something beyond where the last page ended.
    fn may_hold(&self, block: &Block) -> bool {
        self.beyond.is_none_or(|beyond| {
            if self.is_backward {
                block.min_ms <= beyond.timestamp_ms
            } else {
                block.max_ms >= beyond.timestamp_ms
            }
        })
    }

    fn wants(&self, position: LogPosition) -> bool {
        let is_in_time = (self.from_ms..self.to_ms).contains(&position.timestamp_ms);
        is_in_time
            && self.beyond.is_none_or(
                |beyond| {
                    if self.is_backward { position < beyond } else { position > beyond }
                },
            )
    }
}

/// An event in the heap; the one to be given next is the greatest.
struct Waiting {
    rank: Rank,
    event: StoredEvent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Forward(Reverse<LogPosition>),
    Backward(LogPosition),
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A page that is being filled.
struct Page<'a> {
    query: &'a LogQuery,
    is_wanted: &'a dyn Fn(&str) -> bool,
    waiting: BinaryHeap<Waiting>,
    page: LogPage,
}

impl Page<'_> {
    /// `candidates` are read from the last to the first.
    fn fill(mut self, mut candidates: Vec<Candidate>) -> io::Result<LogPage> {
        let mut bytes = 0;
        let mut looked_at = 0;
        loop {
            while let Some(candidate) = candidates.last() {
                if self.waiting.peek().is_some_and(|next| !self.may_come_first(&candidate.block, next)) {
                    break;
                }
                if let Some(candidate) = candidates.pop() {
                    self.take(&candidate)?;
                }
            }
            let Some(next) = self.waiting.pop() else {
                self.page.is_at_end = true;
                return Ok(self.page);
            };
            let is_wanted = (self.is_wanted)(&next.event.message);
            let is_full = self.page.events.len() >= self.query.events_max
                || looked_at >= self.query.looked_at_max
                || (is_wanted && bytes > 0 && bytes + next.event.message.len() > self.query.bytes_max);
            if is_full {
                return Ok(self.page);
            }
            looked_at += 1;
            self.page.last = Some(next.event.position);
            if is_wanted {
                bytes += next.event.message.len();
                self.page.events.push(next.event);
            }
        }
    }

    /// Whether a block that is still closed may hold what comes before the next event.
    fn may_come_first(&self, block: &Block, next: &Waiting) -> bool {
        if self.query.is_backward {
            block.max_ms >= next.event.position.timestamp_ms
        } else {
            block.min_ms <= next.event.position.timestamp_ms
        }
    }

    fn take(&mut self, candidate: &Candidate) -> io::Result<()> {
        for event in candidate.read()? {
            if self.query.wants(event.position) {
                let rank = if self.query.is_backward {
                    Rank::Backward(event.position)
                } else {
                    Rank::Forward(Reverse(event.position))
                };
                self.waiting.push(Waiting { rank, event });
            }
        }
        Ok(())
    }
}
