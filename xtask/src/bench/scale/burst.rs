//! G14: from nothing to many environments of one function at once, each of which sleeps for as long as that takes; and how another function
//! fares meanwhile.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::super::Effort;
use super::super::facts::Fact;
use super::super::lambent::Lambent;
use super::super::load::{self, Kind, Target};
use super::super::package;
use super::super::runtimes::{self, Subject};
use crate::failure::Failure;

/// At once; of the short form a tenth.
const CALLERS: usize = 1_000;
/// What the other function takes, and how long it is called: before, and while environments start.
const QUIET_SECONDS: &[u8] = b"0.02";
const QUIET_ALONE: Duration = Duration::from_secs(4);
const QUIET_MEANWHILE: Duration = Duration::from_secs(3);
/// So long does each sleep: all begin within it.
const SLEEP_SECONDS: u64 = 20;
const PYTHON_SLEEP: &[u8] =
    b"import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n";

pub(super) fn facts(
    subject: &Subject,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Fact>, Failure> {
    let callers = if effort.is_for_the_page { CALLERS } else { CALLERS / 10 };
    let sleeper = Subject {
        handler: if subject.name == "native" { "sleep" } else { subject.handler },
        package: match subject.name {
            "native" => subject.package.clone(),
            _ => package::zip(&[("app.py", PYTHON_SLEEP)]),
        },
        ..subject.clone()
    };
    let server = Lambent::start(folder, subjects, &super::ROOMY)?;
    let quiet = runtimes::named(subjects, "python");
    let quiet = quiet.map(|python| Quiet::deploy(&server, python)).transpose()?;
    let alone = quiet.as_ref().map(|quiet| quiet.p99(QUIET_ALONE)).transpose()?;
    let path = server.deploy(&sleeper, "burst")?;
    let body = SLEEP_SECONDS.to_string();
    let target = Target { address: &server.address, path: &path, body: body.as_bytes(), kind: Kind::Answer };
    let (slept, meanwhile) = thread::scope(|scope| {
        let meanwhile = scope.spawn(|| quiet.as_ref().map(|quiet| quiet.p99(QUIET_MEANWHILE)).transpose());
        // Each calls once.
        let slept = load::run(&target, callers, Duration::ZERO).map_err(|e| Failure::during("a burst", e));
        (slept, meanwhile.join().unwrap_or_else(|_| Err(Failure::new("a caller panicked"))))
    });
    let (slept, meanwhile) = (slept?, meanwhile?);
    server.stop();
    // The last one began so long before it ended.
    let last = slept.percentile(100) as f64 / 1e6 - SLEEP_SECONDS as f64;
    let most = if subject.name == "native" { 3.0 } else { 5.0 };
    let what = format!("{}: from one to {callers} that sleep, until all of them do", subject.name);
    let mut facts = vec![Fact::new("G14", what, (last, "s"), most)];
    if let (Some(alone), Some(meanwhile)) = (alone, meanwhile) {
        let what = format!(
            "{}: p99 of another function meanwhile, {meanwhile:.1} ms, by that without, {alone:.1}",
            subject.name
        );
        facts.push(Fact::new("fair", what, (meanwhile / alone, ""), 1.25));
    }
    Ok(facts)
}

/// A function that somebody calls, one call after another, and that takes some time.
struct Quiet<'a> {
    server: &'a Lambent,
    path: String,
}

impl<'a> Quiet<'a> {
    fn deploy(server: &'a Lambent, python: &Subject) -> Result<Self, Failure> {
        let subject = Subject { package: package::zip(&[("app.py", PYTHON_SLEEP)]), ..python.clone() };
        let path = server.deploy(&subject, "quiet")?;
        Ok(Self { server, path })
    }

    /// Milliseconds, of calls for so long; the first starts its environment and does not count.
    fn p99(&self, time: Duration) -> Result<f64, Failure> {
        let mut connection = self.server.connect()?;
        let address = &self.server.address;
        let target = Target { address, path: &self.path, body: QUIET_SECONDS, kind: Kind::Answer };
        let mut call = || load::one(&mut connection, &target).map_err(|e| Failure::during(&self.path, e));
        call()?;
        let (began, mut micros) = (Instant::now(), Vec::new());
        while began.elapsed() < time {
            micros.push(call()?);
        }
        micros.sort_unstable();
        Ok(micros.get(micros.len() * 99 / 100).copied().unwrap_or_default() as f64 / 1e3)
    }
}
