//! Messages of SQS a second: sent, each on disk before its answer; and received and deleted, ten at a time.
//!
//! Beside them, in the same minute, what a disk allows: a log of our own with one fdatasync for all that wait, once for each message that
//! is sent, twice for ten that are received and deleted.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Effort;
use super::events::appends;
use super::http::{About, Connection};
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
use super::report::Row;
use crate::failure::Failure;

/// Callers at a time.
const CALLERS: &[usize] = &[1, 32, 256];
const BODY_BYTES: usize = 1 << 10;
/// What is written of a message that is hidden or deleted, about.
const CHANGE_BYTES: usize = 100;
/// Messages that are received and deleted together.
const BATCH: usize = 10;

/// All rows.
///
/// # Errors
/// When something cannot be measured.
pub(super) fn rows(server: &Lambent, folder: &Path, effort: &Effort) -> Result<Vec<Row>, Failure> {
    let failed = |error: io::Error| Failure::during("queues", error);
    let url = queue(&server.address).map_err(failed)?;
    let body = json!({"QueueUrl": url, "MessageBody": "x".repeat(BODY_BYTES)}).to_string();
    let mut rows = Vec::new();
    for callers in CALLERS {
        let target = Target {
            address: &server.address,
            path: "/",
            body: body.as_bytes(),
            kind: Kind::Done(About::Sqs("SendMessage")),
        };
        let sent = load::run(&target, *callers, effort.warm).map_err(failed)?;
        let floor = appends(folder, *callers, effort.warm, &vec![b'x'; BODY_BYTES]).map_err(failed)?;
        rows.push(Row { name: format!("sqs send, {callers} callers"), lambent: sent, floor });
    }
    for callers in CALLERS {
        let taken = take(&server.address, &url, *callers, effort.warm).map_err(failed)?;
        let floor =
            appends(folder, *callers, effort.warm, &vec![b'x'; CHANGE_BYTES * BATCH]).map_err(failed)?;
        rows.push(Row {
            name: format!("sqs receive+delete, {callers}"),
            lambent: taken,
            floor: floor.repeated(2, BATCH),
        });
    }
    Ok(rows)
}

/// Makes the queue; its URL.
fn queue(address: &str) -> io::Result<String> {
    let answer = ask(&mut Connection::open(address)?, "CreateQueue", &json!({"QueueName": "bench"}))?;
    let url = answer["QueueUrl"].as_str().map(str::to_owned);
    url.ok_or_else(|| io::Error::other("CreateQueue gives no URL"))
}

/// Receives and deletes, until the time is over or there is nothing left: the time of each message.
fn take(address: &str, url: &str, callers: usize, duration: Duration) -> io::Result<Latencies> {
    let started = Instant::now();
    let all = thread::scope(|scope| {
        let takers: Vec<_> = (0..callers).map(|_| scope.spawn(|| taker(address, url, duration))).collect();
        let mut all = Vec::new();
        for taker in takers {
            all.extend(taker.join().map_err(|_| io::Error::other("a caller panicked"))??);
        }
        Ok::<_, io::Error>(all)
    })?;
    Ok(Latencies::new(all, started.elapsed()))
}

fn taker(address: &str, url: &str, duration: Duration) -> io::Result<Vec<u64>> {
    let mut connection = Connection::open(address)?;
    let (mut micros, started) = (Vec::new(), Instant::now());
    while started.elapsed() < duration {
        let began = Instant::now();
        let asked = json!({"QueueUrl": url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 600});
        let answer = ask(&mut connection, "ReceiveMessage", &asked)?;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        let entries: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| json!({"Id": index.to_string(), "ReceiptHandle": message["ReceiptHandle"]}))
            .collect();
        ask(&mut connection, "DeleteMessageBatch", &json!({"QueueUrl": url, "Entries": entries}))?;
        let each = began.elapsed().as_micros() / messages.len() as u128;
        micros.extend(vec![u64::try_from(each).unwrap_or(u64::MAX); messages.len()]);
    }
    Ok(micros)
}

fn ask(connection: &mut Connection, operation: &'static str, asked: &Value) -> io::Result<Value> {
    let answer = connection.call("POST", "/", asked.to_string().as_bytes(), About::Sqs(operation))?;
    match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(io::Error::other),
        status => Err(io::Error::other(format!(
            "{operation} answered {status}: {}",
            String::from_utf8_lossy(&answer.body)
        ))),
    }
}
