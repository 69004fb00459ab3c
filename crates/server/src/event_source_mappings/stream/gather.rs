//! What a lane brings next: a part that has failed, or a batch that is new.

use std::{collections::VecDeque, mem, time::Duration};

use lambda_model::{
    LambdaError,
    event_source_mapping::{filter::matching::matches_any, queue::BATCH_BYTES_MAX, stream::Window},
    ports::{EventSourceCount, StreamChunk, StreamRead, StreamRecord},
};
use tokio::time::{Instant, sleep_until};

use super::lane::LaneReader;
use crate::clock;

/// Bytes that are around the records of an event, without the state of a window.
const AROUND: usize = 1_024;
/// Records that are read at a time.
const READ_MAX: usize = 1_000;

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Records, in their order.
    pub records: Vec<StreamRecord>,
    /// The last place that it reaches to.
    pub last: u64,
    /// Whether it is the last of its window.
    pub is_final: bool,
}

/// How gathering ended.
pub(super) enum Gathered {
    /// There is something to bring.
    Batch(Batch),
    /// There is nothing by now; places before this one need not be read again.
    Nothing { next: u64 },
    /// There is nothing, and nothing comes.
    Over,
}

/// A batch that is being gathered.
struct Gathering {
    batch: Batch,
    next: u64,
    bytes: usize,
    /// Records that it has, or that no filter let through.
    polled: usize,
    filtered_out: usize,
    /// Whether it takes no more.
    is_full: bool,
}

impl LaneReader {
    /// What is next; waits for a batch to fill as long as the mapping says.
    pub(super) async fn gather(&mut self) -> Result<Gathered, LambdaError> {
        if let Some(part) = self.lane.failed.first().copied() {
            return self.gather_part(part.first, part.last).await;
        }
        let window = Duration::from_secs(u64::try_from(self.mapping().batching_window_seconds).unwrap_or(0));
        let (mut gathering, mut deadline) = (self.gathering_from(self.lane.next), None);
        loop {
            let appended = self.source().appended(&self.shard);
            let (is_end, is_closed) = self.take_more(&mut gathering).await?;
            let has_records = !gathering.batch.records.is_empty();
            if is_end && !gathering.is_full {
                gathering.batch.is_final = self.is_window_over(is_closed);
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + window);
                let may_wait = has_records && !is_closed && !gathering.batch.is_final;
                if may_wait && Instant::now() < deadline && !self.poller.is_stopped() {
                    tokio::select! {
                        () = self.poller.stopped() => {}
                        () = sleep_until(deadline) => {}
                        () = appended => {}
                    }
                    continue;
                }
            } else if !gathering.is_full {
                continue;
            }
            return Ok(match has_records || gathering.batch.is_final {
                true => Gathered::Batch(gathering.batch),
                false if is_closed => Gathered::Over,
                false => Gathered::Nothing { next: gathering.next },
            });
        }
    }

    fn gathering_from(&self, next: u64) -> Gathering {
        let state = self.lane.window.as_ref().map_or(0, |window| window.state.to_string().len());
        Gathering {
            batch: Batch { last: next.saturating_sub(1), ..Batch::default() },
            next,
            bytes: AROUND + state,
            polled: 0,
            filtered_out: 0,
            is_full: false,
        }
    }

    /// The same records as before, as far as they are still there.
    async fn gather_part(&mut self, first: u64, last: u64) -> Result<Gathered, LambdaError> {
        let mut gathering = self.gathering_from(first);
        let is_closed = loop {
            let (is_end, is_closed) = self.take(&mut gathering, last).await?;
            if is_end || gathering.next > last || gathering.is_full {
                break is_closed && gathering.next > last;
            }
        };
        // What one batch does not take any more, since it was changed, is a part of its own.
        let is_cut = gathering.is_full && gathering.next <= last;
        if is_cut {
            self.lane.cut(gathering.next);
        }
        gathering.batch.last = if is_cut { gathering.next.saturating_sub(1) } else { last };
        let last = gathering.batch.last;
        // More of its window may be behind it.
        let is_last = self.lane.failed.len() == 1;
        gathering.batch.is_final =
            is_last && self.has_later_window(last).await?.unwrap_or_else(|| self.is_window_over(is_closed));
        Ok(Gathered::Batch(gathering.batch))
    }

    /// Whether the record behind a place is of a later window; `None` where there is none.
    async fn has_later_window(&self, last: u64) -> Result<Option<bool>, LambdaError> {
        let Some(window) = &self.lane.window else { return Ok(Some(false)) };
        let chunk = self.read(last.saturating_add(1), (1, 0)).await?;
        Ok(chunk.records.first().map(|record| !window.holds(record.arrived_ms)))
    }

    /// Whether the window that is open takes no more: its time is over, or its state is too large, or nothing more comes.
    fn is_window_over(&self, is_closed: bool) -> bool {
        let is_over = |window: &Window| is_closed || window.end_ms <= clock::unix_ms();
        self.lane.window.as_ref().is_some_and(is_over)
    }

    /// Reads some more; whether that was all, and whether nothing more comes.
    async fn take_more(&mut self, gathering: &mut Gathering) -> Result<(bool, bool), LambdaError> {
        let taken = self.take(gathering, u64::MAX).await?;
        gathering.batch.last = gathering.next.saturating_sub(1);
        // Of what comes again nothing is counted.
        self.poller.count(EventSourceCount::Polled, mem::take(&mut gathering.polled));
        self.poller.count(EventSourceCount::FilteredOut, mem::take(&mut gathering.filtered_out));
        Ok(taken)
    }

    async fn take(&mut self, gathering: &mut Gathering, until: u64) -> Result<(bool, bool), LambdaError> {
        let StreamChunk { records, next, is_end, is_closed } = self.chunk(gathering.next).await?;
        let mut records = VecDeque::from(records);
        while let Some(record) = records.pop_front() {
            match self.fit(gathering, &record, until) {
                Fit::Skipped => gathering.next = record.place.saturating_add(1),
                Fit::FilteredOut => {
                    gathering.next = record.place.saturating_add(1);
                    gathering.polled += 1;
                    gathering.filtered_out += 1;
                }
                Fit::Taken => {
                    gathering.take(record);
                    gathering.is_full = gathering.batch.records.len() == self.size();
                }
                Fit::NoMore { is_final } => {
                    if record.place > until {
                        gathering.next = until.saturating_add(1);
                    }
                    records.push_front(record);
                    gathering.batch.is_final = is_final;
                    gathering.is_full = true;
                }
            }
            if gathering.is_full {
                let rest = StreamChunk { records: records.into(), next, ..StreamChunk::default() };
                self.ahead = Some((gathering.next, rest));
                return Ok((false, false));
            }
        }
        gathering.next = gathering.next.max(next);
        Ok((is_end, is_closed))
    }

    /// Records from a place on: what was read too much the last time, or else from the stream.
    async fn chunk(&mut self, from: u64) -> Result<StreamChunk, LambdaError> {
        match self.ahead.take() {
            Some((place, chunk)) if place == from => Ok(chunk),
            _ => self.read(from, (READ_MAX, BATCH_BYTES_MAX)).await,
        }
    }

    async fn read(
        &self,
        from: u64,
        (records_max, bytes_max): (usize, usize),
    ) -> Result<StreamChunk, LambdaError> {
        let role = self.poller.role();
        let read = StreamRead {
            stream_arn: &self.mapping().event_source_arn,
            shard: &self.shard,
            from,
            records_max,
            bytes_max,
            role: &role,
        };
        self.source().read(read).await
    }

    fn fit(&mut self, gathering: &Gathering, record: &StreamRecord, until: u64) -> Fit {
        if record.place > until {
            return Fit::NoMore { is_final: false };
        }
        if !self.division.is_for(self.index, &record.key, record.place) {
            return Fit::Skipped;
        }
        let filtered = record.filtered.as_deref().unwrap_or(&record.json);
        if !matches_any(&self.poller.patterns, filtered) {
            return Fit::FilteredOut;
        }
        if self.is_of_later_window(record) {
            return Fit::NoMore { is_final: true };
        }
        let is_too_much = gathering.bytes + record.json.len() + 1 > BATCH_BYTES_MAX;
        if is_too_much && !gathering.batch.records.is_empty() {
            return Fit::NoMore { is_final: false };
        }
        Fit::Taken
    }

    /// Records of a batch at most.
    fn size(&self) -> usize {
        usize::try_from(self.mapping().batch_size).unwrap_or(1).max(1)
    }

    /// Opens the window of a record, where there is none.
    fn is_of_later_window(&mut self, record: &StreamRecord) -> bool {
        let seconds = self.poller.settings.tumbling_window_seconds;
        if seconds <= 0 {
            self.lane.window = None;
            return false;
        }
        let window = self.lane.window.get_or_insert_with(|| Window::of(record.arrived_ms, seconds));
        !window.holds(record.arrived_ms)
    }
}

/// What becomes of a record.
enum Fit {
    /// It is of another lane.
    Skipped,
    /// No filter lets it through.
    FilteredOut,
    /// It is in the batch.
    Taken,
    /// The batch takes no more, this one neither.
    NoMore { is_final: bool },
}

impl Gathering {
    fn take(&mut self, record: StreamRecord) {
        self.polled += 1;
        self.next = record.place.saturating_add(1);
        self.bytes += record.json.len() + 1;
        self.batch.records.push(record);
    }
}

impl Batch {
    /// Takes those away from its beginning that are too old.
    pub(super) fn split_off(&mut self, is_too_old: impl Fn(&StreamRecord) -> bool) -> Vec<StreamRecord> {
        let old = self.records.iter().take_while(|record| is_too_old(record)).count();
        let rest = self.records.split_off(old);
        mem::replace(&mut self.records, rest)
    }
}
