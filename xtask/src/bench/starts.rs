//! First invocations of new functions: from the request to the response, with everything that keeps functions apart and counts them.
//!
//! Beside them, one after another: the same runtime in namespaces of its own, started by a program that does nothing else
//! (`programs/bare_start.c`), until it asks for its first event; and `runc run` of a program that does nothing, where it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Effort;
use super::http::Connection;
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
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
        let failed = |error| Failure::during(format!("cold {}", subject.name), error);
        let mut connection = Connection::open(&server.address).map_err(failed)?;
        let target = Target { address: &server.address, path: &path, body: b"1", kind: Kind::Answer };
        lambent.push(load::one(&mut connection, &target).map_err(failed)?);
        alone.push(bare.start(subject)?);
        contained.extend(runc.as_ref().map(Runc::run).transpose()?);
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

/// Measurements that were taken one after another, so that their sum is how long they took.
fn one_after_another(micros: Vec<u64>) -> Latencies {
    let elapsed = Duration::from_micros(micros.iter().sum());
    Latencies::new(micros, elapsed)
}

/// The program that starts others in namespaces.
struct Bare {
    program: PathBuf,
    /// Where it mounts the root.
    scratch: PathBuf,
}

impl Bare {
    fn build(folder: &Path) -> Result<Self, Failure> {
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
    fn start(&self, subject: &Subject) -> Result<u64, Failure> {
        let mut command = Command::new(&self.program);
        command.arg(&self.scratch).arg("1").args(&subject.bare);
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
    fn run(&self) -> Result<u64, Failure> {
        let mut command = Command::new("runc");
        command.args(["run", "lambent-bench"]).current_dir(&self.0).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().map_err(|e| Failure::during("runc", e))?;
        match output.status.success() {
            true => Ok(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)),
            false => Err(Failure::during("runc", String::from_utf8_lossy(&output.stderr))),
        }
    }
}
