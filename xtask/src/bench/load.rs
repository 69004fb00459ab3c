//! Closed-loop load: so many callers, each with a connection of its own, each calling again once answered.

use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::http::{About, Connection};

/// What callers saw.
pub(super) struct Latencies {
    /// Sorted, microseconds.
    micros: Vec<u64>,
    elapsed: Duration,
}

impl Latencies {
    /// From single measurements.
    pub(super) fn new(mut micros: Vec<u64>, elapsed: Duration) -> Self {
        micros.sort_unstable();
        Self { micros, elapsed }
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
    /// That an operation of SQS is done.
    Sqs(&'static str),
}

/// Calls for `duration` with so many callers at a time.
///
/// # Errors
/// When a call fails, or is answered with anything but the function's success.
pub(super) fn run(target: &Target<'_>, callers: usize, duration: Duration) -> io::Result<Latencies> {
    let all = Mutex::new(Vec::new());
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(|| caller(target, duration))).collect();
        for thread in threads {
            let micros = thread.join().map_err(|_| io::Error::other("a caller panicked"))??;
            all.lock().map_err(|_| io::Error::other("a caller panicked"))?.extend(micros);
        }
        Ok::<(), io::Error>(())
    })?;
    let micros = all.into_inner().map_err(|_| io::Error::other("a caller panicked"))?;
    Ok(Latencies::new(micros, started.elapsed()))
}

fn caller(target: &Target<'_>, duration: Duration) -> io::Result<Vec<u64>> {
    let mut connection = Connection::open(target.address)?;
    let mut micros = Vec::new();
    let started = Instant::now();
    while started.elapsed() < duration {
        micros.push(one(&mut connection, target)?);
    }
    Ok(micros)
}

/// One call, microseconds.
pub(super) fn one(connection: &mut Connection, target: &Target<'_>) -> io::Result<u64> {
    let started = Instant::now();
    let (kind, expected) = match target.kind {
        Kind::Answer => (About::Lambda, 200),
        Kind::Event => (About::Event, 202),
        Kind::Sqs(operation) => (About::Sqs(operation), 200),
    };
    let answer = connection.call("POST", target.path, target.body, kind)?;
    let elapsed = started.elapsed();
    if answer.status != expected || answer.function_error {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(io::Error::other(format!("{} answered {}: {text}", target.path, answer.status)));
    }
    Ok(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
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
