//! G16: how soon the server is there, a new function answers, and a page of many functions comes; and what the server takes with them.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::Effort;
use super::super::facts::Fact;
use super::super::http::{About, Connection};
use super::super::lambent::Lambent;
use super::super::load::{self, Kind, Latencies, Target};
use super::super::package;
use super::super::runtimes::Subject;
use crate::failure::Failure;

const GOAL: &str = "G16";
/// As many as the goal wants; of the short form a tenth.
const FUNCTIONS: usize = 10_000;
/// Measured so often.
const TIMES: usize = 20;
/// Bytes of a package beside the program.
const BLOB_BYTES: usize = 1 << 20;
/// What was just done is written, and given back.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) fn facts(native: &Subject, folder: &Path, effort: &Effort) -> Result<Vec<Fact>, Failure> {
    let functions = if effort.is_for_the_page { FUNCTIONS } else { FUNCTIONS / 10 };
    let server = Lambent::start(folder, &[], &super::ROOMY)?;
    let (server, empty) = server.again(&super::ROOMY)?;
    let first_response = first_response(&server, native)?;
    let small = package::zip(&[("bootstrap", b"#!/bin/sh\n")]);
    for number in 0..functions {
        server.create(native, &format!("stored-{number}"), &small)?;
    }
    let (server, full) = server.again(&super::ROOMY)?;
    std::thread::sleep(SETTLE);
    let page = page_of_functions(&server)?;
    let resident = server.resident_mb()?;
    server.stop();
    let ms = |latencies: &Latencies| (latencies.percentile(50) as f64 / 1000.0, "ms, p50");
    Ok(vec![
        Fact::new(GOAL, "the server is ready, without functions", (empty.as_secs_f64() * 1e3, "ms"), 50.0),
        Fact::new(GOAL, format!("the same with {functions}"), (full.as_secs_f64() * 1e3, "ms"), 50.0),
        Fact::new(
            GOAL,
            "CreateFunction of 1 MB to the response of the first invocation",
            ms(&first_response),
            50.0,
        ),
        Fact::new(GOAL, format!("a page of ListFunctions of {functions}"), ms(&page), 5.0),
        Fact::new(GOAL, format!("resident memory of a server with {functions}"), (resident, "MB"), 60.0),
    ])
}

fn first_response(server: &Lambent, native: &Subject) -> Result<Latencies, Failure> {
    let mut all = Vec::new();
    for number in 0..TIMES {
        // Each of its own: what was stored once is not stored again.
        let blob: Vec<u8> = noise(number as u64 + 1).take(BLOB_BYTES).collect();
        let program = std::fs::read(&native.bare[0]).map_err(|e| Failure::during(&native.bare[0], e))?;
        let package = package::zip(&[("bootstrap", &program), ("blob", &blob)]);
        let started = Instant::now();
        let path = server.deploy_package(native, &format!("first-{number}"), &package)?;
        let mut connection = server.connect()?;
        let target = Target { address: &server.address, path: &path, body: b"1", kind: Kind::Answer };
        load::one(&mut connection, &target).map_err(|e| Failure::during(&path, e))?;
        all.push(started.elapsed());
    }
    Ok(latencies(&all))
}

fn page_of_functions(server: &Lambent) -> Result<Latencies, Failure> {
    let mut connection: Connection = server.connect()?;
    let mut all = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let answer = connection.call("GET", "/2015-03-31/functions?MaxItems=50", b"", About::Lambda);
        let answer = answer.map_err(|e| Failure::during("ListFunctions", e))?;
        if answer.status != 200 {
            return Err(Failure::during("ListFunctions", answer.status));
        }
        all.push(started.elapsed());
    }
    Ok(latencies(&all))
}

fn latencies(all: &[Duration]) -> Latencies {
    let micros = all.iter().map(|one| u64::try_from(one.as_micros()).unwrap_or(u64::MAX)).collect();
    Latencies::new(micros, all.iter().sum())
}

/// Bytes that nothing packs.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    std::iter::successors(Some(seed), |state| {
        let state = state ^ (state << 13);
        let state = state ^ (state >> 7);
        Some(state ^ (state << 17))
    })
    .map(|state| (state >> 24) as u8)
}
