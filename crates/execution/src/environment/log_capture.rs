//! What an environment's processes print, and the platform's own lines between it, in the order they happened.
//!
//! Standard output and error share one pipe. Its owner, the driver task, reads it when it is readable and drains it before it
//! writes a platform line, so that a function's last words stand before `END`. A function that floods is slowed by the pipe: after
//! [`BURST_BYTES`] the next read waits for [`PAUSE`].

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use lambda_model::{function::FunctionKey, limits, ports::LogSink};
use tokio::{net::unix::pipe, time::Instant};

/// Read in one go before others get their turn.
const BURST_BYTES: usize = 256 * 1024;
/// Rest after a burst: 25 MB/s an environment at most.
const PAUSE: Duration = Duration::from_millis(10);

/// The log of one environment.
pub(crate) struct LogCapture {
    pipe: pipe::Receiver,
    /// A line whose end has not come yet.
    partial: Vec<u8>,
    /// The last bytes since [`LogCapture::start_tail`].
    tail: Option<Vec<u8>>,
    resume_at: Option<Instant>,
    sink: Arc<dyn LogSink>,
    key: FunctionKey,
    stream: String,
}

impl LogCapture {
    /// A capture and the end of the pipe that the processes write to.
    ///
    /// # Errors
    /// When no pipe can be made.
    pub(crate) fn new(
        sink: Arc<dyn LogSink>,
        key: FunctionKey,
        stream: String,
    ) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let pipe = pipe::Receiver::from_owned_fd(reader.into())?;
        let capture = Self { pipe, partial: Vec::new(), tail: None, resume_at: None, sink, key, stream };
        Ok((capture, writer.into()))
    }

    /// Waits until there is something to read, and reads it. Cancel-safe.
    pub(crate) async fn read_when_ready(&mut self) {
        if let Some(at) = self.resume_at {
            tokio::time::sleep_until(at).await;
            self.resume_at = None;
        }
        if self.pipe.readable().await.is_err() {
            // A pipe in error never becomes readable again; its environment is about to end.
            std::future::pending::<()>().await;
        }
        // Through the reactor, so that it notices when there is nothing more.
        if self.read_burst(|pipe, buffer| pipe.try_read(buffer)) >= BURST_BYTES {
            self.resume_at = Some(Instant::now() + PAUSE);
        }
    }

    /// Reads what is there now, at most one burst, whether or not the reactor has heard of it yet.
    pub(crate) fn drain(&mut self) {
        self.read_burst(|pipe, buffer| Ok(rustix::io::read(pipe, buffer)?));
    }

    /// Returns the bytes read.
    fn read_burst(&mut self, read: impl Fn(&pipe::Receiver, &mut [u8]) -> io::Result<usize>) -> usize {
        let mut buffer = [0u8; 16 * 1024];
        let mut total = 0;
        while total < BURST_BYTES {
            match read(&self.pipe, &mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    total += n;
                    self.take(&buffer[..n]);
                }
            }
        }
        total
    }

    /// From now on the last 4 KB are kept for `X-Amz-Log-Result` (G-05).
    pub(crate) fn start_tail(&mut self) {
        self.tail = Some(Vec::new());
    }

    /// Ends and returns the tail.
    pub(crate) fn take_tail(&mut self) -> Option<Vec<u8>> {
        self.tail.take()
    }

    /// Writes a line of the platform, on a line of its own.
    pub(crate) fn platform(&mut self, line: &str) {
        self.drain();
        self.end_partial_line();
        self.emit(line.as_bytes());
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(last_newline) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            return self.extend_partial(bytes);
        };
        let (lines, rest) = bytes.split_at(last_newline + 1);
        if self.partial.is_empty() {
            self.emit(lines);
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(lines);
            self.emit(&whole);
        }
        self.extend_partial(rest);
    }

    fn extend_partial(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        if self.partial.len() >= limits::LOG_LINE_BYTES_MAX {
            self.end_partial_line();
        }
    }

    fn end_partial_line(&mut self) {
        if !self.partial.is_empty() {
            let mut line = std::mem::take(&mut self.partial);
            line.push(b'\n');
            self.emit(&line);
        }
    }

    fn emit(&mut self, lines: &[u8]) {
        self.sink.append(&self.key, &self.stream, lines);
        if let Some(tail) = &mut self.tail {
            keep_last(tail, lines, limits::LOG_TAIL_BYTES_MAX);
        }
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        self.drain();
        self.end_partial_line();
    }
}

/// Appends `bytes` and keeps the last `max`.
fn keep_last(tail: &mut Vec<u8>, bytes: &[u8], max: usize) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(max)..]);
    let excess = tail.len().saturating_sub(max);
    tail.drain(..excess);
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Mutex, PoisonError},
    };

    use super::*;

    #[derive(Default)]
    struct Collected(Mutex<Vec<String>>);

    impl LogSink for Collected {
        fn append(&self, _: &FunctionKey, _: &str, lines: &[u8]) {
            let text = String::from_utf8_lossy(lines).into_owned();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }

    fn capture() -> (Arc<Collected>, LogCapture, std::fs::File) {
        let sink = Arc::new(Collected::default());
        let key = FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() };
        let (capture, writer) = LogCapture::new(sink.clone(), key, "s".into()).unwrap();
        (sink, capture, writer.into())
    }

    #[tokio::test]
    async fn a_platform_line_comes_after_what_was_printed_and_on_its_own_line() {
        let (sink, mut capture, mut writer) = capture();
        capture.start_tail();
        writer.write_all(b"one\ntw").unwrap();
        capture.read_when_ready().await;
        writer.write_all(b"o").unwrap();
        capture.platform("END\n");
        let lines = sink.0.lock().unwrap().concat();
        assert_eq!(lines, "one\ntwo\nEND\n");
        assert_eq!(capture.take_tail().unwrap(), b"one\ntwo\nEND\n");
    }

    #[tokio::test]
    async fn the_tail_is_the_last_four_kilobytes() {
        let (_sink, mut capture, mut writer) = capture();
        capture.start_tail();
        for n in 0..1_000 {
            writeln!(writer, "line {n}").unwrap();
        }
        capture.platform("END\n");
        let tail = capture.take_tail().unwrap();
        assert_eq!(tail.len(), 4_096);
        assert!(tail.ends_with(b"line 999\nEND\n"));
    }

    #[tokio::test]
    async fn a_flood_is_paused() {
        let (_sink, mut capture, mut writer) = capture();
        std::thread::spawn(move || {
            let block = vec![b'x'; 64 * 1024];
            while writer.write_all(&block).is_ok() {}
        });
        while capture.resume_at.is_none() {
            capture.read_when_ready().await;
        }
        assert!(capture.partial.len() <= limits::LOG_LINE_BYTES_MAX + 16 * 1024);
    }
}
