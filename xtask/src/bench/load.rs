//! Closed-loop load: so many callers, each with a connection of its own, each calling again once answered.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::http::{self, About, Answer, Connection};

/// The longest wait for any answer.
const ANSWER_TIMEOUT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// What callers saw.
#[derive(Clone, Default)]
pub(super) struct Latencies {
    /// Sorted, microseconds.
    micros: Vec<u64>,
    elapsed: Duration,
    /// Processor time of the whole machine meanwhile, whoever's: the load is in it, of ours as of the floor's.
    busy: Duration,
}

impl Latencies {
    /// From single measurements.
    pub(super) fn new(mut micros: Vec<u64>, elapsed: Duration) -> Self {
        micros.sort_unstable();
        Self { micros, elapsed, busy: Duration::ZERO }
    }

    /// With the processor time that it took.
    pub(super) fn with_busy(self, busy: Duration) -> Self {
        Self { busy, ..self }
    }

    /// Milliseconds of processor time for each call; zero where nobody looked.
    pub(super) fn processor_ms(&self) -> f64 {
        self.busy.as_secs_f64() * 1000.0 / (self.micros.len() as f64).max(1.0)
    }

    /// The latency that `percent` of the calls did not exceed, microseconds.
    pub(super) fn percentile(&self, percent: usize) -> u64 {
        let index = (self.micros.len() * percent / 100).min(self.micros.len().saturating_sub(1));
        self.micros.get(index).copied().unwrap_or_default()
    }

    /// Of `calls` such calls one after another, which do something for so many at once: the time of each of those.
    pub(super) fn repeated(&self, calls: u64, at_once: usize) -> Self {
        let each = self.micros.iter().map(|micros| micros * calls / at_once as u64);
        let micros = each.flat_map(|micros| vec![micros; at_once / calls as usize]).collect();
        Self::new(micros, self.elapsed)
    }

    /// Adds what was measured in another turn.
    pub(super) fn extend(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.micros.sort_unstable();
        self.elapsed += other.elapsed;
        self.busy += other.busy;
    }

    /// How many calls there were.
    pub(super) fn len(&self) -> usize {
        self.micros.len()
    }

    /// Answers a second.
    pub(super) fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

/// A request that is sent again and again.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) address: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) kind: Kind,
}

/// What callers wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The function's response.
    Answer,
    /// That the event is accepted.
    Event,
    /// That an operation of another service is done.
    Done(About),
}

/// Calls for `duration` with so many callers at a time.
///
/// One thread has all of them: two processors are what the server and this have together, and a thread for each caller would need more of
/// them than the server does.
///
/// # Errors
/// When a call fails, or is answered with anything but the function's success.
pub(super) fn run(target: &Target<'_>, callers: usize, duration: Duration) -> io::Result<Latencies> {
    let request = http::request(target.address, "POST", target.path, target.body, target.kind.about());
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut all = Vec::with_capacity(callers);
    for number in 0..callers {
        let mut caller = Caller::new(target.address)?;
        let data = epoll::EventData::new_u64(number as u64);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&ready, &caller.stream, data, flags)?;
        caller.call(&request)?;
        all.push(caller);
    }
    let (started, mut micros, mut calling) = (Instant::now(), Vec::new(), callers);
    let busy = Busy::now();
    let mut events = Vec::with_capacity(callers);
    while calling > 0 {
        events.clear();
        if epoll::wait(&ready, spare_capacity(&mut events), Some(&ANSWER_TIMEOUT))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for event in &events {
            let caller = &mut all[event.data.u64() as usize];
            let Some(answer) = caller.progress(&request)? else { continue };
            micros.push(target.check(&answer, caller.began.elapsed())?);
            if started.elapsed() < duration {
                caller.call(&request)?;
            } else {
                calling -= 1;
            }
        }
    }
    Ok(Latencies::new(micros, started.elapsed()).with_busy(busy.since()))
}

/// Calls again and again on a connection of its own.
struct Caller {
    stream: TcpStream,
    began: Instant,
    /// Of the request.
    sent: usize,
    received: Vec<u8>,
}

impl Caller {
    fn new(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, began: Instant::now(), sent: 0, received: Vec::new() })
    }

    fn call(&mut self, request: &[u8]) -> io::Result<()> {
        (self.began, self.sent) = (Instant::now(), 0);
        self.send(request)
    }

    /// Sends what can be sent.
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends and reads what can be; the answer once it is whole.
    fn progress(&mut self, request: &[u8]) -> io::Result<Option<Answer>> {
        self.send(request)?;
        loop {
            match http::receive(&self.stream, &mut self.received) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            if let Some((answer, length)) = Answer::parse(&self.received)? {
                self.received.drain(..length);
                return Ok(Some(answer));
            }
        }
    }
}

impl Kind {
    fn about(self) -> About {
        match self {
            Self::Answer => About::Lambda,
            Self::Event => About::Event,
            Self::Done(about) => about,
        }
    }
}

impl Target<'_> {
    /// How long the call took, microseconds, if it went well.
    fn check(&self, answer: &Answer, elapsed: Duration) -> io::Result<u64> {
        let expected = if self.kind == Kind::Event { 202 } else { 200 };
        if answer.status != expected || answer.function_error {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(io::Error::other(format!("{} answered {}: {text}", self.path, answer.status)));
        }
        Ok(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Processor time of the machine since it started.
pub(super) struct Busy(u64);

impl Busy {
    /// Now; zero where the machine does not tell.
    pub(super) fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> =
            stat.lines().next().unwrap_or_default().split(' ').filter_map(|n| n.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal (proc_stat(5)); what is spent as a guest is in `user`.
        Self(ticks.iter().take(8).sum::<u64>() - ticks.iter().skip(3).take(2).sum::<u64>())
    }

    /// Since this was taken; a tick is ten milliseconds (USER_HZ).
    pub(super) fn since(&self) -> Duration {
        Duration::from_millis(Self::now().0.saturating_sub(self.0) * 10)
    }
}

/// One call, microseconds.
pub(super) fn one(connection: &mut Connection, target: &Target<'_>) -> io::Result<u64> {
    let started = Instant::now();
    let answer = connection.call("POST", target.path, target.body, target.kind.about())?;
    target.check(&answer, started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_values() {
        let latencies = Latencies::new((1..=100).rev().collect(), Duration::from_secs(10));
        assert_eq!((latencies.percentile(50), latencies.percentile(99)), (51, 100));
        assert!((latencies.per_second() - 10.0).abs() < 0.001);
        assert_eq!(Latencies::new(Vec::new(), Duration::ZERO).percentile(50), 0);
    }
}
