//! Events accepted a second, each on disk before its 202, and events that run, a second.
//!
//! Beside them, in the same minute: the least HTTP server that keeps what it is sent, which is what connections and a disk allow together;
//! a log of our own, appended to with one fdatasync for all that wait, which is what the disk allows; and the store alone, without
//! connections. What runs is beside the same function invoked synchronously by as many callers: from the first event that is sent on, while
//! events are accepted as fast as they can be, and afterwards, when nothing but the backlog is left.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Effort;
use super::http::{About, Connection};
use super::http_floor::HttpFloor;
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
use super::package;
use super::report::Row;
use super::runtimes::Subject;
use crate::failure::Failure;
use crate::shell;

/// Callers at a time.
const CALLERS: &[usize] = &[1, 32, 256];
const PAYLOAD_BYTES: usize = 1 << 10;
/// A runtime that never asks for an event: what is accepted for it waits.
const SLEEPER: &[u8] = b"#!/bin/sh\nexec sleep 100000\n";
/// Longest wait for the last event.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(120);

/// All rows; the first subject is the native one.
///
/// # Errors
/// When something cannot be measured.
pub(super) fn rows(
    server: &Lambent,
    subject: &Subject,
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let body = [b"\"".as_slice(), &vec![b'x'; PAYLOAD_BYTES - 2], b"\""].concat();
    // First, while nothing else waits.
    let through = run_through(server, subject, effort, &body)?;
    let mut rows = Vec::new();
    let path = sleeper(server, subject)?;
    for callers in CALLERS {
        let during = |what: &str| Failure::during(format!("events, {callers} callers"), what);
        let target = Target { address: &server.address, path: &path, body: &body, kind: Kind::Event };
        let accepted = load::run(&target, *callers, effort.warm).map_err(|e| during(&e.to_string()))?;
        let over_http = {
            let floor = HttpFloor::start(folder).map_err(|e| during(&e.to_string()))?;
            let target = Target { address: &floor.address, ..target };
            load::run(&target, *callers, effort.warm).map_err(|e| during(&e.to_string()))?
        };
        let appended = appends(folder, *callers, effort.warm, &body).map_err(|e| during(&e.to_string()))?;
        let again = load::run(&target, *callers, effort.warm).map_err(|e| during(&e.to_string()))?;
        let store = store_alone(folder, *callers, effort.warm)?;
        let anew = appends(folder, *callers, effort.warm, &body).map_err(|e| during(&e.to_string()))?;
        rows.push(Row { name: format!("accept, {callers} callers"), lambent: accepted, floor: over_http });
        rows.push(Row { name: format!("the same, by appends, {callers}"), lambent: again, floor: appended });
        rows.push(Row { name: format!("the store alone, {callers}"), lambent: store, floor: anew });
    }
    rows.extend(through);
    Ok(rows)
}

/// A function whose events wait; the path that invokes it.
fn sleeper(server: &Lambent, subject: &Subject) -> Result<String, Failure> {
    let package = package::zip(&[("bootstrap", SLEEPER)]);
    let path = server.deploy_package(subject, "sleeper", &package)?;
    let mut connection = Connection::open(&server.address).map_err(|e| Failure::during("connect", e))?;
    let answer = connection
        .call(
            "PUT",
            "/2017-10-31/functions/sleeper/concurrency",
            b"{\"ReservedConcurrentExecutions\":1}",
            About::Lambda,
        )
        .map_err(|e| Failure::during("PutFunctionConcurrency", e))?;
    match answer.status {
        200 => Ok(path),
        status => Err(Failure::new(format!("PutFunctionConcurrency answered {status}"))),
    }
}

/// Callers hand records to a thread that appends all that wait, syncs once, and answers.
pub(super) fn appends(
    folder: &Path,
    callers: usize,
    duration: Duration,
    record: &[u8],
) -> io::Result<Latencies> {
    let path = folder.join("appends");
    let mut file = File::create(&path)?;
    let (send, receive) = mpsc::channel::<(Vec<u8>, mpsc::Sender<()>)>();
    let writer = thread::spawn(move || -> io::Result<()> {
        while let Ok(first) = receive.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(receive.try_iter()).collect();
            file.write_all(&batch.iter().flat_map(|(record, _)| record.iter().copied()).collect::<Vec<_>>())?;
            file.sync_data()?;
            for (_, answer) in &batch {
                let _ = answer.send(());
            }
        }
        Ok(())
    });
    let started = Instant::now();
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                let send = send.clone();
                scope.spawn(move || {
                    let mut micros = Vec::new();
                    while started.elapsed() < duration {
                        let began = Instant::now();
                        let (answer, answered) = mpsc::channel();
                        if send.send((record.to_vec(), answer)).is_err() || answered.recv().is_err() {
                            break;
                        }
                        micros.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
                    }
                    micros
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let elapsed = started.elapsed();
    drop(send);
    writer.join().map_err(|_| io::Error::other("the writer panicked"))??;
    fs::remove_file(path)?;
    Ok(Latencies::new(all, elapsed))
}

fn store_alone(folder: &Path, callers: usize, duration: Duration) -> Result<Latencies, Failure> {
    let directory = folder.join("store-alone");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|e| Failure::during(directory.display(), e))?;
    }
    let mut command = Command::new(super::built("examples/accept_events"));
    command.arg(&directory).arg(callers.to_string()).arg(duration.as_secs_f64().to_string());
    let printed = shell::output_of(command.arg(PAYLOAD_BYTES.to_string()))?;
    let mut lines: Vec<&str> = printed.lines().collect();
    let seconds: f64 = lines.pop().and_then(|line| line.parse().ok()).unwrap_or_default();
    let micros = lines.iter().filter_map(|line| line.parse().ok()).collect();
    Ok(Latencies::new(micros, Duration::from_secs_f64(seconds)))
}

/// Events through queue and function, beside the same function invoked synchronously: all of them, and what is left when the last was sent.
fn run_through(
    server: &Lambent,
    subject: &Subject,
    effort: &Effort,
    body: &[u8],
) -> Result<[Row; 2], Failure> {
    const CALLERS: usize = 32;
    let failed = |error: io::Error| Failure::during("events through", error);
    let path = server.deploy(subject, "through")?;
    let target = |kind| Target { address: &server.address, path: &path, body, kind };
    load::run(&target(Kind::Answer), CALLERS, effort.warm).map_err(failed)?;
    let floor = load::run(&target(Kind::Answer), CALLERS, effort.warm).map_err(failed)?;
    let before = server.invocations("through")?;
    let started = Instant::now();
    let sent = load::run(&target(Kind::Event), CALLERS, effort.warm).map_err(failed)?.len();
    let (left, sent_at) = ((before + sent).saturating_sub(server.invocations("through")?), Instant::now());
    while server.invocations("through")? < before + sent {
        if started.elapsed() > DRAIN_TIMEOUT {
            return Err(Failure::new("the events did not run"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let (elapsed, drained) = (started.elapsed(), sent_at.elapsed());
    let through = format!("events through, {CALLERS} callers");
    Ok([
        Row { name: through, lambent: rate(sent, elapsed), floor: floor.clone() },
        Row { name: "a backlog drained".to_owned(), lambent: rate(left, drained), floor },
    ])
}

/// Only the rate means anything here.
fn rate(events: usize, elapsed: Duration) -> Latencies {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let each = micros / u64::try_from(events.max(1)).unwrap_or(1);
    Latencies::new(vec![each; events], elapsed)
}
