//! First invocations of new functions: from the request to the response, with everything that keeps functions apart and counts them.
//!
//! Beside them, one after another: the same runtime in namespaces of its own, started by a program that does nothing else
//! (`programs/bare_start.c`), until it asks for its first event; and `runc run` of a program that does nothing, where it is.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Effort;
use super::http::Connection;
use super::lambent::Lambent;
use super::load::{self, Busy, Kind, Latencies, Target};
use super::report::Row;
use super::runtimes::Subject;
use crate::failure::Failure;
use crate::shell;

/// All rows of a kind of runtime.
///
/// # Errors
/// When something cannot be built, or started.
pub(super) fn rows(
    server: &Lambent,
    subject: &Subject,
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let (bare, runc) = (Bare::build(folder)?, Runc::prepare(folder, subject)?);
    let (mut lambent, mut alone, mut contained) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..effort.cold_starts {
        let path = server.deploy(subject, &format!("cold-{}-{number}", subject.name))?;
        // What was before leaves its traces in the processor's caches and in the kernel: each comes after each.
        for turn in number..number + 3 {
            match turn % 3 {
                0 => lambent.push(start(server, subject, &path)?),
                1 => alone.push(bare.start(subject)?),
                _ => contained.extend(runc.as_ref().map(|runc| runc.run("lambent-bench")).transpose()?),
            }
        }
    }
    let lambent = one_after_another(lambent);
    let name = format!("cold {}", subject.name);
    let mut rows = vec![Row {
        name: format!("{name} : bare"),
        lambent: lambent.clone(),
        floor: one_after_another(alone),
    }];
    if !contained.is_empty() {
        rows.push(Row { name: format!("{name} : runc"), lambent, floor: one_after_another(contained) });
    }
    Ok(rows)
}

/// Microseconds of the first invocation of a function, which comes by itself: what the last one used up has been made again.
pub(super) fn start(server: &Lambent, subject: &Subject, path: &str) -> Result<u64, Failure> {
    let failed = |error| Failure::during(format!("cold {}", subject.name), error);
    thread::sleep(PAUSE);
    let mut connection = Connection::open(&server.address).map_err(failed)?;
    let target = Target { address: &server.address, path, body: b"1", kind: Kind::Answer };
    load::one(&mut connection, &target).map_err(failed)
}

/// How many starts a second there can be, with the end of as many: functions are invoked in turn, and each takes the place of one that
/// was earlier. Beside `runc run`, by as many callers; both begin and end what they isolate.
///
/// # Errors
/// As above.
pub(super) fn rows_with_ends(
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let Some(runc) = subjects.first().map(|native| Runc::prepare(folder, native)).transpose()?.flatten()
    else {
        return Ok(Vec::new());
    };
    let server = Lambent::start(folder, subjects, &["--environments-max", ENVIRONMENTS])?;
    let mut rows = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.name != "node") {
        let paths = (0..FUNCTIONS)
            .map(|number| server.deploy(subject, &format!("ends-{}-{number}", subject.name)))
            .collect::<Result<Vec<_>, _>>()?;
        let once = |number: usize| {
            let failed = |error| Failure::during(format!("starts of {}", subject.name), error);
            let mut connection = Connection::open(&server.address).map_err(failed)?;
            let path = paths.get(number % FUNCTIONS).map(String::as_str).unwrap_or_default();
            let target = Target { address: &server.address, path, body: b"1", kind: Kind::Answer };
            load::one(&mut connection, &target).map_err(failed)
        };
        // What a function has from its first invocation on, a log group above all, is there.
        side_by_side(CALLERS, FUNCTIONS, once)?;
        let lambent = side_by_side(CALLERS, effort.cold_starts * STARTS_FOR_EACH, once)?;
        let floor =
            side_by_side(CALLERS, effort.cold_starts, |number| runc.run(&format!("lambent-bench-{number}")))?;
        rows.push(Row { name: format!("starts {}, with their ends : runc", subject.name), lambent, floor });
    }
    server.stop();
    Ok(rows)
}

/// Before each of the starts that are measured one by one.
pub(super) const PAUSE: Duration = Duration::from_millis(400);

/// At a time; everything else ends for the next.
const ENVIRONMENTS: &str = "16";
/// So many that none finds its environment again.
const FUNCTIONS: usize = 64;
/// For each cold start of the other rows: a rate takes more of them than a median.
const STARTS_FOR_EACH: usize = 8;
/// Two for each processor of the smallest machine: what waits for the kernel leaves none idle.
const CALLERS: usize = 4;

/// What `callers` threads do between them, so many times.
fn side_by_side(
    callers: usize,
    times: usize,
    once: impl Fn(usize) -> Result<u64, Failure> + Sync,
) -> Result<Latencies, Failure> {
    let (started, busy, next) = (Instant::now(), Busy::now(), AtomicUsize::new(0));
    let work = || {
        let numbers = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.take_while(|number| *number < times).map(&once).collect::<Result<Vec<_>, _>>()
    };
    let micros = thread::scope(|scope| {
        let all: Vec<_> = (0..callers).map(|_| scope.spawn(work)).collect();
        let ended =
            all.into_iter().map(|one| one.join().unwrap_or_else(|_| Err(Failure::new("a caller panicked"))));
        ended.collect::<Result<Vec<_>, _>>()
    })?;
    Ok(Latencies::new(micros.concat(), started.elapsed()).with_busy(busy.since()))
}

/// Measurements that were taken one after another, so that their sum is how long they took.
pub(super) fn one_after_another(micros: Vec<u64>) -> Latencies {
    let elapsed = Duration::from_micros(micros.iter().sum());
    Latencies::new(micros, elapsed)
}

/// The program that starts others in namespaces.
pub(super) struct Bare {
    program: PathBuf,
    /// Where it mounts the root.
    scratch: PathBuf,
}

impl Bare {
    pub(super) fn build(folder: &Path) -> Result<Self, Failure> {
        let source = shell::repository_root().join("xtask/src/bench/programs/bare_start.c");
        let (program, scratch) = (folder.join("bare_start"), folder.join("scratch"));
        shell::succeed(
            "bench-cc",
            Command::new("cc").args(["-static", "-O1", "-o"]).arg(&program).arg(source),
        )?;
        fs::create_dir_all(&scratch).map_err(|e| Failure::during(scratch.display(), e))?;
        Ok(Self { program, scratch })
    }

    /// Microseconds until the subject's runtime asks for its first event.
    pub(super) fn start(&self, subject: &Subject) -> Result<u64, Failure> {
        let mut command = Command::new(&self.program);
        command.arg(&self.scratch).arg(PAUSE.as_micros().to_string()).args(&subject.bare);
        command.envs(subject.variables.iter().map(|(name, value)| (name, value)));
        let said = shell::output_of(&mut command)?;
        said.trim().parse().map_err(|e| Failure::during(format!("bare_start said {said:?}"), e))
    }
}

/// A bundle of runc's whose program does nothing.
struct Runc(PathBuf);

impl Runc {
    /// `None`, with a line that says so, where there is no runc.
    fn prepare(folder: &Path, subject: &Subject) -> Result<Option<Self>, Failure> {
        if subject.name != "native" {
            return Ok(None);
        }
        if Command::new("runc").arg("--version").output().is_err() {
            println!("skipped: what stands beside runc, which is not here (Debian's package is runc)");
            return Ok(None);
        }
        let bundle = folder.join("runc");
        let failed = |error: std::io::Error| Failure::during("a bundle of runc", error);
        if bundle.exists() {
            fs::remove_dir_all(&bundle).map_err(failed)?;
        }
        fs::create_dir_all(bundle.join("rootfs")).map_err(failed)?;
        fs::copy(&subject.program, bundle.join("rootfs/nothing")).map_err(failed)?;
        shell::succeed("bench-runc", Command::new("runc").arg("spec").current_dir(&bundle))?;
        let path = bundle.join("config.json");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).map_err(failed)?)
            .map_err(|e| Failure::during(path.display(), e))?;
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(["/nothing"]);
        fs::write(&path, config.to_string()).map_err(failed)?;
        Ok(Some(Self(bundle)))
    }

    /// Microseconds of `runc run`, its end included.
    fn run(&self, name: &str) -> Result<u64, Failure> {
        let mut command = Command::new("runc");
        command.args(["run", name]).current_dir(&self.0).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().map_err(|e| Failure::during("runc", e))?;
        match output.status.success() {
            true => Ok(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)),
            false => Err(Failure::during("runc", String::from_utf8_lossy(&output.stderr))),
        }
    }
}
