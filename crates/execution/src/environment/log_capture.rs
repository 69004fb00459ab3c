//! What an environment's processes print, and the platform's own lines between it, in the order they happened.
//!
//! ```text
//! runtime ───── pipe ─┐
//! extensions ── pipe ─┼─► lines ─► the log stream, the tail of the invocation, telemetry
//! platform events ────┘
//! ```
//! Each pipe takes standard output and error together, and the frames of runtimes that mark their messages ([`log_frames`]). Their owner, the driver task, reads them when they are readable and drains
//! them before it writes a platform line, so that a function's last words stand before `END`. Whoever floods is slowed by the pipe:
//! after [`BURST_BYTES`] the next read waits for [`PAUSE`].
//!
//! Whoever writes to a pipe holds its lock meanwhile, and may be made to wait by a slow disk or by its share of the CPU: a read waits
//! with it, in the kernel. So nothing is read that is known to be empty, and what is read is read where that holds up nobody else.

use std::{
    fs::OpenOptions,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use lambda_model::{
    environment::Category,
    function::LoggingConfiguration,
    limits,
    platform_log::{self, ApplicationLogLevel, Kept, PlatformEvent, SystemLogLevel},
    ports::{LogDestination, LogForm, LogSink},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{net::unix::pipe, task::block_in_place, time::Instant};

use crate::{
    clock,
    telemetry_api::{Telemetry, envelope},
};

use super::log_frames::{self, Piece};

/// Read in one go before others get their turn; more than a pipe holds.
const BURST_BYTES: usize = 96 * 1024;
/// Rest after a burst: 5 MB/s a pipe at most. What the server does with it is nobody's share of the processor: twice as much is seen in a
/// neighbour's latency (docs/internals/attacks.md, 27).
const PAUSE: Duration = Duration::from_millis(20);

/// The log of one environment.
pub(crate) struct LogCapture {
    function: Source,
    extensions: Source,
    out: Out,
}

/// How lines look (B.23).
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogFormat {
    /// AWS's words, and whatever the function prints.
    Text,
    /// Records, as far as they are loud enough.
    Json {
        /// Of the platform's events.
        system: SystemLogLevel,
        /// Of what the function prints.
        application: ApplicationLogLevel,
    },
}

impl LogFormat {
    /// The format that a function's settings ask for.
    pub(crate) fn of(logging: &LoggingConfiguration) -> Self {
        if logging.log_format != "JSON" {
            return Self::Text;
        }
        let application = logging.application_log_level.as_deref();
        Self::Json {
            system: SystemLogLevel::of_setting(logging.system_log_level.as_deref()),
            application: application
                .and_then(ApplicationLogLevel::parse)
                .unwrap_or(ApplicationLogLevel::Info),
        }
    }
}

/// Where lines go.
struct Out {
    format: LogFormat,
    /// The last bytes since [`LogCapture::start_tail`].
    tail: Option<Vec<u8>>,
    sink: Arc<dyn LogSink>,
    to: Arc<LogDestination>,
    telemetry: Arc<Telemetry>,
}

/// A pipe that processes print to. Nobody keeps the other end but they: in a server of thousands of environments a descriptor counts.
struct Source {
    category: Category,
    /// `None` when no process has the other end.
    pipe: Option<pipe::Receiver>,
    /// A line whose end has not come yet.
    partial: Vec<u8>,
    /// A frame whose end has not come yet.
    frame: Vec<u8>,
    resume_at: Option<Instant>,
    /// The last read through the reactor found nothing.
    was_empty: bool,
}

impl LogCapture {
    /// A capture of what no process prints yet.
    pub(crate) fn new(
        sink: Arc<dyn LogSink>,
        (to, format): (LogDestination, LogFormat),
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let out = Out { format, tail: None, sink, to: Arc::new(to), telemetry };
        Self { function: Source::new(Category::Function), extensions: Source::new(Category::Extension), out }
    }

    /// The end of a pipe for a process to print to; and the other one, for [`LogCapture::listen_to`], if the pipe is new. That can wait until
    /// the process is on its way.
    ///
    /// # Errors
    /// When no pipe can be made.
    pub(crate) fn writer(&mut self, category: Category) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        match category {
            Category::Extension => self.extensions.writer(&mut self.out),
            Category::Function | Category::Platform => self.function.writer(&mut self.out),
        }
    }

    /// Reads from a pipe that a process prints to.
    ///
    /// # Errors
    /// When it cannot be registered with the reactor.
    pub(crate) fn listen_to(&mut self, category: Category, pipe: OwnedFd) -> io::Result<()> {
        let source = if category == Category::Extension { &mut self.extensions } else { &mut self.function };
        source.pipe = Some(pipe::Receiver::from_owned_fd(pipe)?);
        Ok(())
    }

    /// Waits until there is something to read, and reads it. Cancel-safe.
    pub(crate) async fn read_when_ready(&mut self) {
        tokio::select! {
            () = self.function.is_ready() => self.function.read_some(&mut self.out),
            () = self.extensions.is_ready() => self.extensions.read_some(&mut self.out),
        }
    }

    /// Reads what is there now, at most one burst of each pipe, whether or not the reactor has heard of it yet.
    pub(crate) fn drain(&mut self) {
        self.function.drain(&mut self.out);
        self.extensions.drain(&mut self.out);
    }

    /// From now on the last 4 KB are kept for `X-Amz-Log-Result` (G-05).
    pub(crate) fn start_tail(&mut self) {
        self.out.tail = Some(Vec::new());
    }

    /// Ends and returns the tail.
    pub(crate) fn take_tail(&mut self) -> Option<Vec<u8>> {
        self.out.tail.take()
    }

    /// Tells of an event of the platform.
    pub(crate) fn tell(&mut self, event: &PlatformEvent) {
        self.make_room_for(event);
        self.tell_next(event);
    }

    /// The first half of [`LogCapture::tell`]: everything that was printed so far stands before the event.
    pub(crate) fn make_room_for(&mut self, event: &PlatformEvent) {
        self.drain();
        self.end_lines_for(event);
    }

    /// The same for an event that nobody prints anything before: what the reactor has heard of stands before it. Asks the kernel nothing
    /// else.
    pub(crate) fn make_room_soon_for(&mut self, event: &PlatformEvent) {
        for source in [&mut self.function, &mut self.extensions] {
            source.read_burst(&mut self.out, read_known);
        }
        self.end_lines_for(event);
    }

    fn end_lines_for(&mut self, event: &PlatformEvent) {
        if self.out.has_line_for(event) {
            self.function.end_partial_line(&mut self.out);
            self.extensions.end_partial_line(&mut self.out);
        }
    }

    /// The second half, before anything else is read.
    pub(crate) fn tell_next(&mut self, event: &PlatformEvent) {
        if self.out.has_line_for(event)
            && let Some(line) = self.out.line_of(event)
        {
            self.out.append(line.as_bytes(), LogForm::Platform);
        }
        self.out.telemetry.tell(event);
    }

    /// Whether anybody hears of the end of the runtime's work, which the text format does not tell.
    pub(crate) fn tells_runtime_done(&self) -> bool {
        self.out.telemetry.is_heard() || matches!(self.out.format, LogFormat::Json { .. })
    }

    /// What was said so far is written at once.
    pub(crate) fn hurry(&self) {
        self.out.sink.hurry();
    }

    /// Writes a line of the platform, on a line of its own.
    pub(crate) fn platform(&mut self, line: &str) {
        self.end_lines();
        self.out.append(line.as_bytes(), LogForm::Platform);
    }

    /// Reads what is there and ends what has no end yet.
    fn end_lines(&mut self) {
        self.drain();
        self.function.end_partial_line(&mut self.out);
        self.extensions.end_partial_line(&mut self.out);
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        self.end_lines();
    }
}

impl Out {
    /// Whether an event of the platform is to stand in the log.
    fn has_line_for(&self, event: &PlatformEvent) -> bool {
        match self.format {
            LogFormat::Text => event.has_text(),
            // The report is the end.
            LogFormat::Json { system, .. } => {
                event.level() >= system && !matches!(event, PlatformEvent::End { .. })
            }
        }
    }

    /// An event's line, with its end.
    fn line_of(&self, event: &PlatformEvent) -> Option<String> {
        match self.format {
            LogFormat::Text => event.text(),
            LogFormat::Json { .. } => Some(format!("{}\n", envelope(event.event_type(), &event.record()))),
        }
    }

    /// Whole lines that processes printed.
    fn printed(&mut self, category: Category, lines: &[u8]) {
        match self.format {
            LogFormat::Json { application, .. } if category == Category::Function => {
                self.append_judged(lines, application);
            }
            _ => self.append(lines, LogForm::Lines),
        }
        if self.telemetry.is_heard() {
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                self.telemetry.printed(category, &String::from_utf8_lossy(line));
            }
        }
    }

    /// A message in a frame: one event.
    fn said(&mut self, category: Category, message: &[u8]) {
        let mut text = String::from_utf8_lossy(message).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let kept = match self.format {
            LogFormat::Json { application, .. } if category == Category::Function => {
                platform_log::keep(&text, application, &clock::iso8601_ms(), clock::is_rfc3339)
            }
            _ => Kept::AsItIs,
        };
        match kept {
            Kept::AsItIs => self.append(text.as_bytes(), LogForm::Whole),
            Kept::Completed(completed) => self.append(completed.as_bytes(), LogForm::Whole),
            Kept::Dropped => {}
        }
        if self.telemetry.is_heard() {
            self.telemetry.printed(category, &text);
        }
    }

    /// Lines of a function in the JSON format: those that are loud enough.
    fn append_judged(&mut self, lines: &[u8], level: ApplicationLogLevel) {
        let mut kept = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            match platform_log::keep(&text, level, &clock::iso8601_ms(), clock::is_rfc3339) {
                Kept::AsItIs => kept.extend_from_slice(line),
                Kept::Completed(completed) => kept.extend_from_slice(completed.as_bytes()),
                Kept::Dropped => {}
            }
        }
        if !kept.is_empty() {
            self.append(&kept, LogForm::Lines);
        }
    }

    fn append(&mut self, lines: &[u8], form: LogForm) {
        self.sink.append(&self.to, lines, form);
        if let Some(tail) = &mut self.tail {
            keep_last(tail, lines, limits::LOG_TAIL_BYTES_MAX);
        }
    }
}

impl Source {
    fn new(category: Category) -> Self {
        Self {
            category,
            pipe: None,
            partial: Vec::new(),
            frame: Vec::new(),
            resume_at: None,
            was_empty: false,
        }
    }

    /// The end that is written to: another one of the pipe that others still have, else that of a new pipe.
    fn writer(&mut self, out: &mut Out) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        // A burst is more than a pipe holds: if all that had it are gone, this finds out.
        self.drain(out);
        if let Some(pipe) = &self.pipe {
            // The pipe under its name, opened for writing.
            let name = format!("/proc/self/fd/{}", pipe.as_fd().as_raw_fd());
            return Ok((OpenOptions::new().write(true).open(name)?.into(), None));
        }
        let (reader, writer) = io::pipe()?;
        Ok((writer.into(), Some(reader.into())))
    }

    async fn is_ready(&mut self) {
        if let Some(at) = self.resume_at {
            tokio::time::sleep_until(at).await;
            self.resume_at = None;
        }
        let is_readable = match &self.pipe {
            Some(pipe) => pipe.readable().await.is_ok(),
            None => false,
        };
        if !is_readable {
            // Nobody is there to print; a pipe in error never becomes readable again, and its environment is about to end.
            std::future::pending::<()>().await;
        }
    }

    /// Reads through the reactor, so that it notices when there is nothing more.
    fn read_some(&mut self, out: &mut Out) {
        let bytes = block_in_place(|| self.read_burst(out, read_known));
        // Once it is what was drained before. Twice in a row one process had the pipe no more just before the next got it: the reactor
        // never forgets an end.
        let is_deluded = std::mem::replace(&mut self.was_empty, bytes == 0) && bytes == 0;
        if is_deluded || bytes >= BURST_BYTES {
            self.resume_at = Some(Instant::now() + PAUSE);
        }
    }

    fn drain(&mut self, out: &mut Out) {
        if self.has_something() {
            let read = |pipe: &pipe::Receiver, buffer: &mut [u8]| Ok(rustix::io::read(pipe, buffer)?);
            block_in_place(|| self.read_burst(out, read));
        }
    }

    /// Returns the bytes read.
    fn read_burst(
        &mut self,
        out: &mut Out,
        read: impl Fn(&pipe::Receiver, &mut [u8]) -> io::Result<usize>,
    ) -> usize {
        let mut buffer = [0u8; 16 * 1024];
        let mut total = 0;
        while total < BURST_BYTES {
            let Some(pipe) = &self.pipe else { break };
            match read(pipe, &mut buffer) {
                // All that could write are gone.
                Ok(0) => self.pipe = None,
                Err(_) => break,
                Ok(n) => {
                    total += n;
                    self.take(out, &buffer[..n]);
                }
            }
        }
        total
    }

    /// Whether a read would give something, or the end; asked without the pipe's lock.
    fn has_something(&self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut asked = [PollFd::new(pipe, PollFlags::IN)];
        poll(&mut asked, Some(&Timespec::default())).is_ok() && !asked[0].revents().is_empty()
    }

    fn take(&mut self, out: &mut Out, bytes: &[u8]) {
        if self.frame.is_empty() {
            return self.take_pieces(out, bytes);
        }
        // Grows in place: whoever writes a frame byte by byte must not have it copied with each.
        self.frame.extend_from_slice(bytes);
        if !matches!(log_frames::split(&self.frame), Some((Piece::Incomplete(_), _))) {
            let whole = std::mem::take(&mut self.frame);
            self.take_pieces(out, &whole);
        }
    }

    fn take_pieces(&mut self, out: &mut Out, mut bytes: &[u8]) {
        while let Some((piece, rest)) = log_frames::split(bytes) {
            match piece {
                Piece::Printed(text) => self.take_lines(out, text),
                Piece::Message(message) => out.said(self.category, message),
                Piece::Incomplete(beginning) => self.frame = beginning.to_vec(),
            }
            bytes = rest;
        }
    }

    fn take_lines(&mut self, out: &mut Out, bytes: &[u8]) {
        let Some(last_newline) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            return self.extend_partial(out, bytes);
        };
        let (lines, rest) = bytes.split_at(last_newline + 1);
        if self.partial.is_empty() {
            out.printed(self.category, lines);
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(lines);
            out.printed(self.category, &whole);
        }
        self.extend_partial(out, rest);
    }

    fn extend_partial(&mut self, out: &mut Out, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        if self.partial.len() >= limits::LOG_LINE_BYTES_MAX {
            self.end_partial_line(out);
        }
    }

    fn end_partial_line(&mut self, out: &mut Out) {
        let frame = std::mem::take(&mut self.frame);
        self.partial.extend_from_slice(&frame);
        if !self.partial.is_empty() {
            let mut line = std::mem::take(&mut self.partial);
            line.push(b'\n');
            out.printed(self.category, &line);
        }
    }
}

/// Reads through the reactor: nothing where it has heard of nothing.
fn read_known(pipe: &pipe::Receiver, buffer: &mut [u8]) -> io::Result<usize> {
    pipe.try_read(buffer)
}

/// Appends `bytes` and keeps the last `max`.
fn keep_last(tail: &mut Vec<u8>, bytes: &[u8], max: usize) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(max)..]);
    let excess = tail.len().saturating_sub(max);
    tail.drain(..excess);
}

#[cfg(test)]
mod tests;
