//! `cargo xtask bench`: warm invokes and cold starts of the release build, each beside a floor measured in the
//! same minute, so that each figure is a ratio and not a property of the machine.
//!
//! Warm: the floor is `bare-broker`, which passes payloads between caller and the same runtime on the same HTTP
//! stack, without isolation, limits or logs, and AWS's own emulator ([`emulator`]). Cold: see [`starts`].
//! Events and messages: see [`events`] and [`queues`]; objects, streams and rules: [`sources`]; tables: [`tables`]; URLs and APIs:
//! [`gateways`]. The table goes to standard output, `target/bench/latest.json` and `docs/performance.md`. `--short` takes a tenth of the
//! time and leaves the page as it is; `--events`, `--sources`, `--gateways`, `--invokes` and `--scale` leave all but these out. `--gate` is what CI runs:
//! the shortest form, with the debug build, which fails when a row is beyond its bound ([`targets`]); `--quick` measures the build that is
//! made between two changes, and leaves the page as it is too.

mod emulator;
mod events;
mod facts;
mod gateways;
mod http;
mod http_floor;
mod lambent;
mod libraries;
mod limits;
mod load;
mod nginx;
mod package;
mod page;
mod plain_server;
mod process;
mod queues;
mod report;
mod runtimes;
mod scale;
mod sources;
mod starts;
mod tables;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::failure::Failure;
use crate::shell;
use emulator::Emulator;
use facts::Fact;
use lambent::Lambent;
use load::{Kind, Latencies, Target};
use plain_server::PlainServer;
use process::Background;
use report::Row;
use runtimes::Subject;

/// Callers at a time, and payload bytes, of each warm row.
const WARM: &[(usize, usize)] =
    &[(1, 1 << 10), (8, 1 << 10), (16, 1 << 10), (32, 1 << 10), (1, 1 << 20), (8, 1 << 20)];
const WARM_UP: Duration = Duration::from_secs(1);
/// In so many turns each.
const PAIRS: u32 = 5;

const USAGE: &str = "usage: cargo xtask bench [--gate | --quick | --short] [--events | --sources | --gateways | --invokes | --scale]";

/// The folder of the build that is measured, below the target directory.
static PROFILE: OnceLock<&'static str> = OnceLock::new();

/// A program of that build.
fn built(name: &str) -> PathBuf {
    shell::target_directory().join(PROFILE.get().unwrap_or(&"release")).join(name)
}

/// How much is measured.
struct Effort {
    warm: Duration,
    cold_starts: usize,
    /// Nothing else than this.
    only: Option<Part>,
    /// Whether it is as much as the page wants.
    is_for_the_page: bool,
    /// Whether the bounds decide.
    is_gate: bool,
    /// The profile that is built.
    profile: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Events,
    Sources,
    Gateways,
    Invokes,
    Scale,
}

impl Effort {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut effort = Self {
            warm: Duration::from_secs(5),
            cold_starts: 50,
            only: None,
            is_for_the_page: true,
            is_gate: false,
            profile: "release",
        };
        for argument in arguments {
            effort.only = match argument.as_str() {
                "--short" => {
                    (effort.warm, effort.cold_starts) = (Duration::from_millis(500), 10);
                    effort.is_for_the_page = false;
                    effort.only
                }
                "--gate" => {
                    (effort.warm, effort.cold_starts) = (Duration::from_millis(1500), 15);
                    (effort.is_for_the_page, effort.is_gate, effort.profile) = (false, true, "debug");
                    Some(Part::Invokes)
                }
                "--quick" => {
                    (effort.is_for_the_page, effort.profile) = (false, "quick");
                    effort.only
                }
                "--events" => Some(Part::Events),
                "--sources" => Some(Part::Sources),
                "--gateways" => Some(Part::Gateways),
                "--invokes" => Some(Part::Invokes),
                "--scale" => Some(Part::Scale),
                _ => return Err(Failure::new(USAGE)),
            };
        }
        Ok(effort)
    }
}

impl Part {
    const ALL: [Self; 5] = [Self::Events, Self::Sources, Self::Gateways, Self::Invokes, Self::Scale];

    /// Its heading on the page.
    fn title(self) -> &'static str {
        match self {
            Self::Events => "Events and messages",
            Self::Sources => "Objects, streams, rules and tables",
            Self::Gateways => "URLs and APIs",
            Self::Invokes => "Invocations",
            Self::Scale => "Many functions and environments, much code",
        }
    }

    /// What its floors are.
    fn about(self) -> &'static str {
        match self {
            Self::Events => {
                "Beside a log of our own with one `fdatasync` for all that wait, and a server of one thread over that."
            }
            Self::Sources => {
                "Beside the same function invoked, the puts alone, a bus without rules, and the same log of our own."
            }
            Self::Gateways => {
                "A function that hands its body back, behind its URL, an HTTP API, and a REST API with a proxy integration or with templates \
                 both ways; beside the same function invoked directly, and a plain HTTP server of the same language behind nginx."
            }
            Self::Invokes => {
                "Warm: beside a bare broker between the caller and the same runtime, without isolation, limits or logs, and AWS's runtime \
                 interface emulator, in five turns each; Lambent keeps processors from halting meanwhile (`--awake`), the others leave \
                 that to the machine. Cold, from the request to the response, after a pause: beside the same runtime in namespaces of its \
                 own, started after a pause too by a program that does nothing else, until it asks for its first event; and `runc run` of \
                 a program that does nothing. Last, AWS's own client for Python, and functions whose packages bring a library, without \
                 bytecode, beside the same started by itself."
            }
            Self::Scale => {
                "What the server takes with many functions and with idle environments, how soon many environments of one function run, and \
                 the first invocation of a function with much code beside one with little, both of which read 20 MB of theirs."
            }
        }
    }
}

/// Measures everything and prints the table.
///
/// # Errors
/// When something cannot be built or started, or an invocation fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let effort = Effort::parse(arguments)?;
    build(&effort)?;
    let folder = shell::target_directory().join("bench");
    fs::create_dir_all(&folder).map_err(|e| Failure::during(folder.display(), e))?;
    let subjects = runtimes::all(&folder)?;
    let server = Lambent::start(&folder, &subjects, &[])?;
    println!("{}", report::heading());
    let mut all = Vec::new();
    for part in Part::ALL.into_iter().filter(|part| effort.only.is_none_or(|only| only == *part)) {
        let (rows, facts) = measure(part, &server, &subjects, &folder, &effort)?;
        facts.iter().for_each(|fact| println!("{}", fact.line()));
        if effort.is_for_the_page {
            page::write(part, &rows, &facts)?;
        }
        all.extend(rows);
    }
    server.stop();
    if !effort.is_gate {
        println!("{}", targets::verdicts(&all));
    }
    let file = folder.join("latest.json");
    fs::write(&file, report::to_json(&all).to_string()).map_err(|e| Failure::during(file.display(), e))?;
    println!("\n{}", file.display());
    if effort.is_gate { judge(&all) } else { Ok(()) }
}

fn build(effort: &Effort) -> Result<(), Failure> {
    let _ = PROFILE.set(effort.profile);
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "--quiet", "--bin", "lambent", "--bin", "bare-broker"]);
    if !effort.is_gate {
        cargo.args(["--profile", effort.profile, "--example", "accept_events"]);
    }
    shell::succeed("bench-build", &mut cargo)
}

/// Whether every row is within its bound.
fn judge(rows: &[Row]) -> Result<(), Failure> {
    match targets::beyond_bounds(rows)? {
        beyond if beyond.is_empty() => Ok(()),
        beyond => Err(Failure::new(format!("slower than it may be: {}", beyond.join("; ")))),
    }
}

fn measure(
    part: Part,
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<(Vec<Row>, Vec<Fact>), Failure> {
    let (mut rows, mut facts) = (Vec::new(), Vec::new());
    match part {
        Part::Events => {
            if let Some(native) = subjects.first() {
                rows.extend(events::rows(server, native, folder, effort)?);
                rows.extend(queues::rows(server, folder, effort)?);
            }
            rows.iter().for_each(|row| println!("{}", report::line(row)));
        }
        Part::Sources => {
            rows.extend(sources::rows(server, subjects, folder, effort)?);
            let tables = tables::rows(server, folder, effort)?;
            tables.iter().for_each(|row| println!("{}", report::line(row)));
            rows.extend(tables);
        }
        Part::Gateways => rows.extend(gateways::rows(server, subjects, folder, effort)?),
        Part::Invokes => {
            for subject in subjects {
                rows.extend(invokes(server, subject, folder, effort)?);
            }
            if !effort.is_gate {
                rows.extend(beside_client_of_aws(server, subjects, folder, effort)?);
            }
            if !effort.is_gate {
                let ends = starts::rows_with_ends(subjects, folder, effort)?;
                ends.iter().for_each(|row| println!("{}", report::line(row)));
                rows.extend(ends);
                if let Some(native) = subjects.first() {
                    facts = limits::facts(native, folder, effort)?;
                }
                // Last: what they bring is on its way to the disk for a while.
                let libraries = libraries::rows(server, subjects, folder, effort)?;
                libraries.iter().for_each(|row| println!("{}", report::line(row)));
                rows.extend(libraries);
            }
        }
        Part::Scale => {
            (rows, facts) = scale::measure(server, subjects, folder, effort)?;
            rows.iter().for_each(|row| println!("{}", report::line(row)));
        }
    }
    Ok((rows, facts))
}

/// Warm invokes and cold starts of one kind of runtime.
fn invokes(server: &Lambent, subject: &Subject, folder: &Path, effort: &Effort) -> Result<Vec<Row>, Failure> {
    let path = server.deploy(subject, &format!("warm-{}", subject.name))?;
    let emulator = emulator::program(folder);
    let mut rows = Vec::new();
    let warm_rows = if effort.is_gate { &WARM[..1] } else { WARM };
    for (callers, bytes) in warm_rows {
        // AWS's emulator answers one caller at a time.
        let emulator = emulator.as_deref().filter(|_| (*callers, *bytes) == WARM[0] && !effort.is_gate);
        for row in warm(server, subject, &path, (*callers, *bytes), emulator, effort)? {
            println!("{}", report::line(&row));
            rows.push(row);
        }
    }
    for row in starts::rows(server, subject, folder, effort)? {
        println!("{}", report::line(&row));
        rows.push(row);
    }
    Ok(rows)
}

/// Warm invokes of a function on AWS's own client, which are reported and decide nothing.
fn beside_client_of_aws(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let Some(python) = runtimes::named(subjects, "python") else {
        return Ok(Vec::new());
    };
    let Some(subject) = libraries::client_of_aws(python, folder)? else { return Ok(Vec::new()) };
    let path = server.deploy(&subject, "warm-client-of-aws")?;
    let mut rows = Vec::new();
    for callers in [1, 16] {
        rows.extend(warm(server, &subject, &path, (callers, 1 << 10), None, effort)?);
    }
    rows.iter().for_each(|row| println!("{}", report::line(row)));
    Ok(rows)
}

/// Pairs, of which each takes its part of the time: what the machine does besides is in both.
fn warm(
    server: &Lambent,
    subject: &Subject,
    path: &str,
    (callers, bytes): (usize, usize),
    emulator: Option<&Path>,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let body = [b"\"".as_slice(), &vec![b'x'; bytes - 2], b"\""].concat();
    let name = format!("warm {}, {callers} callers, {} KB", subject.name, bytes >> 10);
    let broker = Broker::start(subject, callers)?;
    let emulator = emulator.map(|program| Emulator::start(program, subject)).transpose()?;
    let is_shortest = (callers, bytes) == WARM[0] && !effort.is_gate;
    let plain = (subject.name == "node" && is_shortest).then(|| PlainServer::start(subject)).transpose()?;
    let target = |address, path| Target { address, path, body: &body, kind: Kind::Answer };
    let mut measured =
        vec![("lambent", target(&server.address, path)), ("bare", target(&broker.address, "/invoke"))];
    measured.extend(
        emulator.as_ref().map(|emulator| ("AWS's emulator", target(&emulator.address, emulator::PATH))),
    );
    measured.extend(plain.as_ref().map(|plain| ("plain server", target(&plain.address, "/"))));
    let names: Vec<&str> = measured.iter().skip(1).map(|(what, _)| *what).collect();
    let mut found: Vec<Latencies> = Vec::new();
    for round in 0..=PAIRS {
        for (number, (what, target)) in measured.iter().enumerate() {
            let time = if round == 0 { WARM_UP.min(effort.warm) } else { effort.warm / PAIRS };
            let failed = |error| Failure::during(format!("{name}, {what}"), error);
            let latencies = load::run(target, callers, time).map_err(failed)?;
            match found.get_mut(number) {
                Some(all) if round > 1 => all.extend(latencies),
                Some(first) => *first = latencies,
                None => found.push(latencies),
            }
        }
    }
    let mut found = found.into_iter();
    let lambent = found.next().unwrap_or_default();
    Ok(names
        .into_iter()
        .zip(found)
        .map(|(what, floor)| Row { name: format!("{name} : {what}"), lambent: lambent.clone(), floor })
        .collect())
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
        let mut broker = Command::new(built("bare-broker"));
        broker.arg(if runtimes == 1 { "1" } else { "2" });
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
