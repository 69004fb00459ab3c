//! What waits for the thread that writes: bounded by bytes, lines of one stream in one block.
//!
//! Whoever prints line by line is read line by line, far faster than lines are written; so what comes within the same millisecond for
//! the same stream joins the block that waits last. A queue that counted blocks would drop lines while it held next to nothing.
//!
//! A stream may have as much waiting as is left for all: one that floods takes half, ten of them an eleventh each, and there is room for
//! whoever says little. What the platform says has some of its own besides.
//!
//! Whoever has lines wakes the thread only when it is idle. It rests for a moment, and takes what came meanwhile in one go: a function that is
//! invoked again and again has three lines each time, and waking somebody for each took a fifth of the server's time. Whoever said the
//! first line is about to start a function, and has the processor to itself meanwhile.
//!
//! ```text
//!   idle --lines--> resting --time is up, a message, or much waits--> awake --takes all lines up to the next message--> idle
//!     +-- a message --------------------------------------------------^
//! ```
//!
//! Buffers go round: what the thread has written gives its room to what comes next. Freed by another thread than made them, and in all
//! sizes that a growing one has on its way, they would leave the allocator several times of what waits. What a buffer takes counts, not
//! what is in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use lambda_model::ports::{LogDestination, LogForm};

use super::lost::Lost;

/// What may wait, bytes; more is dropped and counted.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// What the platform may say when nobody else may say anything any more, bytes.
const PLATFORM_BYTES: usize = 4 * 1024 * 1024;
/// A block beside its lines, bytes.
const BLOCK_BYTES: usize = 128;
/// A block that nothing more joins, bytes: buffers of this size share pages of the allocator, larger ones get some of their own in each
/// thread that makes one.
const BLOCK_BYTES_FULL: usize = 32 * 1024;

/// So much ends a rest, bytes.
const REST_BYTES_MAX: usize = 256 * 1024;
/// Taken in one go, bytes; whoever waits for the room of it does not wait long.
const BATCH_BYTES: usize = 256 * 1024;

/// Emptied buffers that are kept, bytes.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// For the thread.
pub(super) enum Message {
    /// Everything before it is written.
    Settle(mpsc::Sender<()>),
    /// Everything before it is on disk.
    Flush(mpsc::Sender<()>),
}

/// Lines of one stream and one moment.
pub(super) struct Block {
    pub to: Arc<LogDestination>,
    pub timestamp_ms: i64,
    pub lines: Vec<u8>,
    pub form: LogForm,
}

/// What the thread found.
pub(super) enum Taken {
    /// In the order in which they came.
    Lines(Vec<Block>),
    Message(Message),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    End,
}

/// The end that the thread takes from. Without it nothing waits, so that nobody waits for the thread for ever.
pub(super) struct Receiver(Arc<Queue>);

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_abandoned = true;
        state.waiting.clear();
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

/// One after another.
enum Waiting {
    Lines(Block),
    Message(Message),
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    thread: Thread,
    /// How many messages wait.
    messages: usize,
    /// Whether somebody is about to make durable what the lines tell of.
    is_hurried: bool,
    lost: Lost,
    bytes: usize,
    /// Those of each stream, by where its destination is.
    of_streams: HashMap<usize, usize>,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
    is_closed: bool,
    is_abandoned: bool,
}

/// What the thread does.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// It writes, or is about to look.
    #[default]
    Awake,
    /// It waits for anything.
    Idle,
    /// It waits for a while, or for whatever cannot.
    Resting,
}

/// The end that messages are put in at; the queue ends with the last of its clones.
#[derive(Clone)]
pub(super) struct Sender(Arc<Closing>);

struct Closing(Arc<Queue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_one();
    }
}

/// Both ends of a new queue.
pub(super) fn new() -> (Sender, Receiver) {
    let queue = Arc::new(Queue::default());
    (Sender(Arc::new(Closing(Arc::clone(&queue)))), Receiver(queue))
}

impl Sender {
    /// Puts lines in. False when there is no room: they are dropped, and their stream is told when what waited is written.
    pub(super) fn lines(
        &self,
        to: &Arc<LogDestination>,
        timestamp_ms: i64,
        lines: &[u8],
        form: LogForm,
    ) -> bool {
        let queue = &self.0.0;
        let mut state = queue.lock();
        if state.is_abandoned {
            return false;
        }
        if !state.has_room(to, lines.len() + BLOCK_BYTES, form) {
            state.lost.add(to, timestamp_ms, lines);
            return false;
        }
        match state.waiting.back_mut() {
            Some(Waiting::Lines(block)) if block.takes(to, timestamp_ms, form) => {
                let before = block.bytes();
                block.lines.extend_from_slice(lines);
                let grown = block.bytes() - before;
                state.add(to, grown);
            }
            _ => {
                let mut block =
                    Block { to: Arc::clone(to), timestamp_ms, lines: state.spare(lines.len()), form };
                block.lines.extend_from_slice(lines);
                state.add(to, block.bytes());
                state.waiting.push_back(Waiting::Lines(block));
            }
        }
        queue.wake_for_lines(&mut state);
        true
    }

    /// What waits is not to wait for more.
    pub(super) fn hurry(&self) {
        let queue = &self.0.0;
        let mut state = queue.lock();
        if !state.waiting.is_empty() {
            state.is_hurried = true;
            queue.wake(&mut state);
        }
    }

    /// Puts anything else in, whatever waits.
    pub(super) fn message(&self, message: Message) {
        let queue = &self.0.0;
        let mut state = queue.lock();
        if !state.is_abandoned {
            state.waiting.push_back(Waiting::Message(message));
            state.messages += 1;
            queue.wake(&mut state);
        }
    }
}

impl State {
    /// See the module's doc.
    fn has_room(&self, to: &Arc<LogDestination>, bytes: usize, form: LogForm) -> bool {
        if form == LogForm::Platform {
            return self.bytes + bytes <= BYTES_MAX + PLATFORM_BYTES;
        }
        let own = self.of_streams.get(&place(to)).copied().unwrap_or(0);
        self.bytes + own + bytes <= BYTES_MAX
    }

    fn add(&mut self, to: &Arc<LogDestination>, bytes: usize) {
        self.bytes += bytes;
        *self.of_streams.entry(place(to)).or_default() += bytes;
    }

    fn remove(&mut self, block: &Block) {
        let bytes = block.bytes();
        self.bytes -= bytes;
        if let Some(own) = self.of_streams.get_mut(&place(&block.to)) {
            *own -= bytes;
            if *own == 0 {
                self.of_streams.remove(&place(&block.to));
            }
        }
    }

    /// Whether nothing is urgent.
    fn may_rest(&self) -> bool {
        self.messages == 0 && !self.is_hurried && !self.is_closed && self.bytes < REST_BYTES_MAX
    }

    /// The lines that come first.
    fn take_lines(&mut self) -> Vec<Block> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES && matches!(self.waiting.front(), Some(Waiting::Lines(_))) {
            let Some(Waiting::Lines(block)) = self.waiting.pop_front() else { break };
            self.remove(&block);
            bytes += block.lines.len();
            lines.push(block);
        }
        // What is left of a large batch is in as much of a hurry.
        self.is_hurried &= !self.waiting.is_empty();
        lines
    }

    /// An empty buffer: one that has been round, or a new one for so many bytes.
    fn spare(&mut self, bytes: usize) -> Vec<u8> {
        let Some(spare) = self.spare.pop() else { return Vec::with_capacity(bytes) };
        self.spare_bytes -= spare.capacity();
        spare
    }
}

/// What tells streams apart: where the destination is, for as long as something for it waits.
fn place(to: &Arc<LogDestination>) -> usize {
    Arc::as_ptr(to).addr()
}

impl Block {
    /// What it takes while it waits.
    fn bytes(&self) -> usize {
        self.lines.capacity() + BLOCK_BYTES
    }

    /// Whether more lines may join.
    fn takes(&self, to: &Arc<LogDestination>, timestamp_ms: i64, form: LogForm) -> bool {
        let are_lines = self.form == LogForm::Lines && form == LogForm::Lines;
        let is_of_the_moment = self.timestamp_ms == timestamp_ms && Arc::ptr_eq(&self.to, to);
        are_lines && is_of_the_moment && self.lines.len() < BLOCK_BYTES_FULL
    }
}

impl Receiver {
    /// Takes what waits, waiting so long for something, and as long as it may for more of what can wait.
    pub(super) fn take(&self, wait: Duration, rest: Duration) -> Taken {
        let mut state = self.wait(self.0.lock(), Thread::Idle, wait);
        if !state.waiting.is_empty() {
            state = self.wait(state, Thread::Resting, rest);
        }
        let mut lines = state.take_lines();
        if !lines.is_empty() {
            return Taken::Lines(lines);
        }
        if let Some(Waiting::Message(message)) = state.waiting.pop_front() {
            state.messages -= 1;
            return Taken::Message(message);
        }
        match state.lost.take() {
            Some(told) => {
                lines.push(told);
                Taken::Lines(lines)
            }
            None if state.is_closed => Taken::End,
            None => Taken::Nothing,
        }
    }

    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        thread: Thread,
        wait: Duration,
    ) -> MutexGuard<'a, State> {
        state.thread = thread;
        let goes_on = |state: &mut State| match thread {
            Thread::Resting => state.may_rest(),
            _ => state.waiting.is_empty() && state.lost.is_empty() && !state.is_closed,
        };
        let waited = self.0.changed.wait_timeout_while(state, wait, goes_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.thread = Thread::Awake;
        state
    }

    /// Takes the buffer of what was written, for others.
    pub(super) fn give_back(&self, mut lines: Vec<u8>) {
        let mut state = self.0.lock();
        if state.spare_bytes + lines.capacity() <= SPARE_BYTES_MAX {
            lines.clear();
            state.spare_bytes += lines.capacity();
            state.spare.push(lines);
        }
    }
}

impl Queue {
    fn wake_for_lines(&self, state: &mut State) {
        if state.thread == Thread::Idle || !state.may_rest() {
            self.wake(state);
        }
    }

    /// Wakes the thread, once.
    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.thread) != Thread::Awake {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
