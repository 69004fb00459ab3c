//! `cargo xtask bench`: warm invokes and cold starts of the release build, each beside a floor measured in the
//! same minute, so that each figure is a ratio and not a property of the machine.
//!
//! Warm: the floor is `bare-broker`, which passes payloads between caller and the same runtime on the same HTTP
//! stack, without isolation, limits or logs. Cold: the floor is the start of the interpreter alone, doing nothing.
//! Events and messages: see [`events`] and [`queues`]; objects, streams and rules: [`sources`]; tables: [`tables`]; URLs and APIs:
//! [`gateways`]. The table goes to standard output and `target/bench/latest.json`. `--short` takes a tenth of the time; `--events`,
//! `--sources` and `--gateways` leave all but these out.

mod events;
mod gateways;
mod http;
mod http_floor;
mod lambent;
mod load;
mod package;
mod process;
mod queues;
mod report;
mod runtimes;
mod sources;
mod tables;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::shell;
use http::Connection;
use lambent::Lambent;
use load::{Kind, Latencies, Target};
use process::Background;
use report::Row;
use runtimes::Subject;

/// Callers at a time, and payload bytes, of each warm row.
const WARM: &[(usize, usize)] = &[(1, 1 << 10), (8, 1 << 10), (32, 1 << 10), (1, 1 << 20), (8, 1 << 20)];
const WARM_UP: Duration = Duration::from_secs(1);

const USAGE: &str = "usage: cargo xtask bench [--short] [--events | --sources | --gateways | --invokes]";

/// How much is measured.
struct Effort {
    warm: Duration,
    cold_starts: usize,
    /// Nothing else than this.
    only: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Events,
    Sources,
    Gateways,
    Invokes,
}

impl Effort {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut effort = Self { warm: Duration::from_secs(5), cold_starts: 50, only: None };
        for argument in arguments {
            effort.only = match argument.as_str() {
                "--short" => {
                    (effort.warm, effort.cold_starts) = (Duration::from_millis(500), 10);
                    effort.only
                }
                "--events" => Some(Part::Events),
                "--sources" => Some(Part::Sources),
                "--gateways" => Some(Part::Gateways),
                "--invokes" => Some(Part::Invokes),
                _ => return Err(Failure::new(USAGE)),
            };
        }
        Ok(effort)
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// Measures everything and prints the table.
///
/// # Errors
/// When something cannot be built or started, or an invocation fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let effort = Effort::parse(arguments)?;
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "--quiet", "--release", "--bin", "lambent", "--bin", "bare-broker"]);
    cargo.args(["--example", "accept_events"]);
    shell::succeed("bench-build", &mut cargo)?;
    let folder = shell::target_directory().join("bench");
    fs::create_dir_all(&folder).map_err(|e| Failure::during(folder.display(), e))?;
    let subjects = runtimes::all(&folder)?;
    let server = Lambent::start(&folder, &subjects)?;
    let rows = measure(&server, &subjects, &folder, &effort)?;
    server.stop();
    let file = folder.join("latest.json");
    fs::write(&file, report::to_json(&rows).to_string()).map_err(|e| Failure::during(file.display(), e))?;
    println!("\n{}", file.display());
    Ok(())
}

fn measure(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    println!("{}", report::heading());
    let mut rows = Vec::new();
    if let Some(native) = subjects.first().filter(|_| effort.wants(Part::Events)) {
        rows.extend(events::rows(server, native, folder, effort)?);
        rows.extend(queues::rows(server, folder, effort)?);
        rows.iter().for_each(|row| println!("{}", report::line(row)));
    }
    if effort.wants(Part::Sources) {
        rows.extend(sources::rows(server, subjects, folder, effort)?);
        let tables = tables::rows(server, folder, effort)?;
        tables.iter().for_each(|row| println!("{}", report::line(row)));
        rows.extend(tables);
    }
    if effort.wants(Part::Gateways) {
        rows.extend(gateways::rows(server, subjects, folder, effort)?);
    }
    for subject in subjects.iter().filter(|_| effort.wants(Part::Invokes)) {
        let path = server.deploy(subject, &format!("warm-{}", subject.name))?;
        for (callers, bytes) in WARM {
            rows.push(warm(server, subject, &path, *callers, *bytes, effort)?);
            println!("{}", rows.last().map(report::line).unwrap_or_default());
        }
        rows.push(cold(server, subject, effort)?);
        println!("{}", rows.last().map(report::line).unwrap_or_default());
    }
    Ok(rows)
}

fn warm(
    server: &Lambent,
    subject: &Subject,
    path: &str,
    callers: usize,
    bytes: usize,
    effort: &Effort,
) -> Result<Row, Failure> {
    let body = [b"\"".as_slice(), &vec![b'x'; bytes - 2], b"\""].concat();
    let name = format!("warm {}, {callers} callers, {} KB", subject.name, bytes >> 10);
    let broker = Broker::start(subject, callers)?;
    let lambent = Target { address: &server.address, path, body: &body, kind: Kind::Answer };
    let floor = Target { address: &broker.address, path: "/invoke", body: &body, kind: Kind::Answer };
    let during = |what: &str| {
        let text = format!("{name}, {what}");
        move |error: std::io::Error| Failure::during(text, error)
    };
    load::run(&lambent, callers, WARM_UP.min(effort.warm)).map_err(during("warming up"))?;
    load::run(&floor, callers, WARM_UP.min(effort.warm)).map_err(during("warming up the floor"))?;
    let lambent = load::run(&lambent, callers, effort.warm).map_err(during("lambent"))?;
    let floor = load::run(&floor, callers, effort.warm).map_err(during("floor"))?;
    Ok(Row { name, lambent, floor })
}

/// The bare broker with as many bare runtimes as there are callers.
struct Broker {
    address: String,
    /// Held so that they live as long as the broker; ended in this order.
    _runtimes: Vec<Background>,
    _process: Background,
}

impl Broker {
    fn start(subject: &Subject, runtimes: usize) -> Result<Self, Failure> {
        let mut broker = Command::new(shell::target_directory().join("release/bare-broker"));
        let (process, address) = Background::start_and_read_line(&mut broker)?;
        let mut running = Vec::new();
        for _ in 0..runtimes {
            running.push(Background::start(&mut bare(subject, &address))?);
        }
        Ok(Self { address, _runtimes: running, _process: process })
    }
}

fn bare(subject: &Subject, address: &str) -> Command {
    let mut command = Command::new(&subject.bare[0]);
    command.args(&subject.bare[1..]).env("AWS_LAMBDA_RUNTIME_API", address);
    command.envs(subject.variables.iter().map(|(name, value)| (name, value)));
    if let Some((_, task)) = subject.variables.iter().find(|(name, _)| *name == "LAMBDA_TASK_ROOT") {
        command.current_dir(Path::new(task));
    }
    command
}

/// First invocations of new functions, beside the interpreter's own start.
fn cold(server: &Lambent, subject: &Subject, effort: &Effort) -> Result<Row, Failure> {
    let name = format!("cold {}", subject.name);
    let mut lambent = Vec::new();
    let mut floor = Vec::new();
    for number in 0..effort.cold_starts {
        let path = server.deploy(subject, &format!("cold-{}-{number}", subject.name))?;
        let mut connection = Connection::open(&server.address).map_err(|e| Failure::during(&name, e))?;
        let target = Target { address: &server.address, path: &path, body: b"1", kind: Kind::Answer };
        lambent.push(load::one(&mut connection, &target).map_err(|e| Failure::during(&name, e))?);
        floor.push(start_of_nothing(subject)?);
    }
    Ok(Row { name, lambent: one_after_another(lambent), floor: one_after_another(floor) })
}

/// Measurements that were taken one after another, so that their sum is how long they took.
fn one_after_another(micros: Vec<u64>) -> Latencies {
    let elapsed = Duration::from_micros(micros.iter().sum());
    Latencies::new(micros, elapsed)
}

fn start_of_nothing(subject: &Subject) -> Result<u64, Failure> {
    let mut command = Command::new(&subject.nothing[0]);
    command.args(&subject.nothing[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().map_err(|e| Failure::during(&subject.nothing[0], e))?;
    if !status.success() {
        return Err(Failure::new(format!("`{}` failed", subject.nothing[0])));
    }
    Ok(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
}
