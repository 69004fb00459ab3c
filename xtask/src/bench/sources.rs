//! What happens, and a function runs: from an object that is put to its function's first line; records of a stream a second, from the first
//! that is put to the last that is brought; events put on a bus with few and with many rules.
//!
//! Beside them, in the same minute: the same function invoked, the puts alone, and a bus without rules.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Effort;
use super::events::appends;
use super::http::{About, Connection};
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
use super::package;
use super::report::{self, Row};
use super::runtimes::Subject;
use crate::failure::Failure;

/// Rules of the buses that events are put on.
const RULES: &[usize] = &[100, 10_000];
/// Callers who put records and events.
const CALLERS: usize = 32;
/// Records of a request.
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1 << 10;
/// Longest wait for the last record, or the last object's function.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Says when it began, and for which object.
const SAYS_WHEN: &[u8] = b"import time\ndef handler(event, context):\n    now = time.time_ns() // 1000\n    key = event['Records'][0]['s3']['object']['key']\n    print('BEGAN', key, now, flush=True)\n";

/// All rows; the first subject is the native one.
///
/// # Errors
/// When something cannot be measured.
pub(super) fn rows(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let failed = |error: io::Error| Failure::during("sources", error);
    let mut rows = Vec::new();
    let mut measured = |row: Row| {
        println!("{}", report::line(&row));
        rows.push(row);
    };
    if let Some(python) = subjects.iter().find(|subject| subject.name == "python") {
        measured(objects(server, python, effort)?);
    }
    if let Some(native) = subjects.first() {
        measured(put_records(server, folder, effort).map_err(failed)?);
        measured(stream(server, native, effort)?);
    }
    for rules in RULES {
        measured(put_events(server, *rules, effort).map_err(failed)?);
    }
    Ok(rows)
}

/// From the request that puts an object to the first line of its function, beside an invocation of the same function.
fn objects(server: &Lambent, python: &Subject, effort: &Effort) -> Result<Row, Failure> {
    let failed = |error: io::Error| Failure::during("objects", error);
    server.deploy_package(python, "objects", &package::zip(&[("app.py", SAYS_WHEN)]))?;
    let mut connection = Connection::open(&server.address).map_err(failed)?;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:objects";
    let allowed = json!({
        "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bench-objects",
    });
    let path = "/2015-03-31/functions/objects/policy";
    ask(&mut connection, ("POST", path), allowed.to_string().as_bytes(), About::Lambda).map_err(failed)?;
    ask(&mut connection, ("PUT", "/bench-objects"), b"", About::S3).map_err(failed)?;
    let told = format!(
        "<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>{arn}</CloudFunction>\
         <Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration></NotificationConfiguration>"
    );
    ask(&mut connection, ("PUT", "/bench-objects?notification"), told.as_bytes(), About::S3)
        .map_err(failed)?;
    // Its environment is there, as that of a function that objects come to all day.
    let event = json!({"Records": [{"s3": {"object": {"key": "warm"}}}]}).to_string();
    let invoked = "/2015-03-31/functions/objects/invocations";
    ask(&mut connection, ("POST", invoked), event.as_bytes(), About::Lambda).map_err(failed)?;
    let count = effort.cold_starts.max(20) * 4;
    let mut begun = Vec::new();
    for number in 0..count {
        begun.push((format!("put-{number}"), now_us()));
        let path = format!("/bench-objects/put-{number}");
        ask(&mut connection, ("PUT", &path), &[b'x'; 1 << 10], About::S3).map_err(failed)?;
        thread::sleep(Duration::from_millis(5));
    }
    for number in 0..count {
        let key = format!("invoked-{number}");
        let event = json!({"Records": [{"s3": {"object": {"key": key}}}]}).to_string();
        begun.push((key, now_us()));
        ask(&mut connection, ("POST", invoked), event.as_bytes(), About::Lambda).map_err(failed)?;
    }
    let said = said(&mut connection, 2 * count + 1).map_err(failed)?;
    let times = |prefix: &str| {
        let of = begun.iter().filter(|(key, _)| key.starts_with(prefix));
        let micros = of
            .filter_map(|(key, at)| Some(said.iter().find(|(known, _)| known == key)?.1.saturating_sub(*at)));
        Latencies::new(micros.collect(), Duration::from_secs(1))
    };
    Ok(Row { name: "object to function".to_owned(), lambent: times("put-"), floor: times("invoked-") })
}

/// Which keys the function has said when it began with, once it is so many: microseconds of Unix time.
fn said(connection: &mut Connection, wanted: usize) -> io::Result<Vec<(String, u64)>> {
    let started = Instant::now();
    loop {
        let (mut said, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut asked = json!({"logGroupName": "/aws/lambda/objects", "filterPattern": "BEGAN"});
            if !token.is_null() {
                asked["nextToken"] = token;
            }
            let answer =
                ask(connection, ("POST", "/"), asked.to_string().as_bytes(), About::Logs("FilterLogEvents"))?;
            for event in answer["events"].as_array().into_iter().flatten() {
                let mut words = event["message"].as_str().unwrap_or_default().split_whitespace().skip(1);
                if let (Some(key), Some(Ok(at))) = (words.next(), words.next().map(str::parse)) {
                    said.push((key.to_owned(), at));
                }
            }
            token = answer["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        if said.len() >= wanted {
            return Ok(said);
        }
        if started.elapsed() > TIMEOUT {
            return Err(io::Error::other(format!("{} of {wanted} functions began", said.len())));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Records put one by one, each on disk before its answer.
fn put_records(server: &Lambent, folder: &Path, effort: &Effort) -> io::Result<Row> {
    let mut connection = Connection::open(&server.address)?;
    let made = json!({"StreamName": "bench-puts", "ShardCount": 1}).to_string();
    ask(&mut connection, ("POST", "/"), made.as_bytes(), About::Kinesis("CreateStream"))?;
    let data = "eHh4".repeat(RECORD_BYTES / 3);
    let body = json!({"StreamName": "bench-puts", "Data": data, "PartitionKey": "k"}).to_string();
    let target = Target {
        address: &server.address,
        path: "/",
        body: body.as_bytes(),
        kind: Kind::Done(About::Kinesis("PutRecord")),
    };
    let put = load::run(&target, CALLERS, effort.warm)?;
    let floor = appends(folder, CALLERS, effort.warm, &[b'x'; RECORD_BYTES])?;
    Ok(Row { name: format!("kinesis put, {CALLERS} callers"), lambent: put, floor })
}

/// Records a second through a stream and its mapping, beside the puts of as many.
fn stream(server: &Lambent, native: &Subject, effort: &Effort) -> Result<Row, Failure> {
    let failed = |error: io::Error| Failure::during("stream", error);
    server.deploy(native, "streamed")?;
    let mut connection = Connection::open(&server.address).map_err(failed)?;
    let made = json!({"StreamName": "bench", "ShardCount": 1}).to_string();
    ask(&mut connection, ("POST", "/"), made.as_bytes(), About::Kinesis("CreateStream")).map_err(failed)?;
    let mapping = json!({
        "FunctionName": "streamed",
        "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/bench",
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": RECORDS,
        "MetricsConfig": {"Metrics": ["EventCount"]},
    });
    let path = ("POST", "/2015-03-31/event-source-mappings");
    let mapping =
        ask(&mut connection, path, mapping.to_string().as_bytes(), About::Lambda).map_err(failed)?;
    let uuid = mapping["UUID"].as_str().unwrap_or_default().to_owned();
    let data = "eHh4".repeat(RECORD_BYTES / 3);
    let records: Vec<Value> =
        (0..RECORDS).map(|number| json!({"Data": data, "PartitionKey": number.to_string()})).collect();
    let body = json!({"StreamName": "bench", "Records": records}).to_string();
    let (started, mut put) = (Instant::now(), 0);
    while started.elapsed() < effort.warm {
        let body = body.as_bytes();
        ask(&mut connection, ("POST", "/"), body, About::Kinesis("PutRecords")).map_err(failed)?;
        put += RECORDS;
    }
    let putting = started.elapsed();
    while server.counted("aws_lambda_InvokedEventCount_total{", &uuid)? < put {
        if started.elapsed() > TIMEOUT + effort.warm {
            return Err(Failure::new("the records of a stream are not brought"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let each = |elapsed: Duration| {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX) / put.max(1) as u64;
        Latencies::new(vec![micros; put], elapsed)
    };
    Ok(Row { name: "stream to function".to_owned(), lambent: each(started.elapsed()), floor: each(putting) })
}

/// Events put on a bus whose rules ask for another source but one, beside a bus without any.
fn put_events(server: &Lambent, rules: usize, effort: &Effort) -> io::Result<Row> {
    let mut connection = Connection::open(&server.address)?;
    for bus in [format!("bench-{rules}"), format!("bench-{rules}-none")] {
        let made = json!({"Name": bus}).to_string();
        ask(&mut connection, ("POST", "/"), made.as_bytes(), About::Events("CreateEventBus"))?;
    }
    for number in 0..rules {
        let pattern = json!({"source": [format!("bench.{number}")], "detail": {"n": [number]}}).to_string();
        let rule = json!({"Name": format!("r{number}"), "EventBusName": format!("bench-{rules}"), "EventPattern": pattern});
        ask(&mut connection, ("POST", "/"), rule.to_string().as_bytes(), About::Events("PutRule"))?;
    }
    let run = |bus: String| {
        let entry =
            json!({"Source": "bench.7", "DetailType": "t", "Detail": "{\"n\": 7}", "EventBusName": bus});
        let body = json!({"Entries": [entry]}).to_string();
        let kind = Kind::Done(About::Events("PutEvents"));
        let target = Target { address: &server.address, path: "/", body: body.as_bytes(), kind };
        load::run(&target, CALLERS, effort.warm)
    };
    let lambent = run(format!("bench-{rules}"))?;
    let floor = run(format!("bench-{rules}-none"))?;
    Ok(Row { name: format!("put event, {rules} rules"), lambent, floor })
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn ask(
    connection: &mut Connection,
    (method, path): (&str, &str),
    body: &[u8],
    about: About,
) -> io::Result<Value> {
    let answer = connection.call(method, path, body, about)?;
    match answer.status {
        200..=299 => Ok(serde_json::from_slice(&answer.body).unwrap_or_default()),
        status => Err(io::Error::other(format!(
            "{method} {path} {about:?} answered {status}: {}",
            String::from_utf8_lossy(&answer.body)
        ))),
    }
}
