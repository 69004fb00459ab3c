//! G7: first invocations of functions that bring a library, beside the same runtime with the same package, started by itself.
//!
//! A package has no bytecode, as packages of Lambda have none, and nobody can write to it: whoever starts the runtime by itself compiles the
//! library each time. Lambent has done that when the function was deployed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::Effort;
use super::lambent::Lambent;
use super::report::Row;
use super::runtimes::{self, Subject};
use super::starts::{Bare, one_after_another, start};
use crate::failure::Failure;
use crate::shell;

/// What is measured: a name, what pip is asked for, the function.
const LIBRARIES: [(&str, &[&str], &str); 2] = [
    (
        "python, boto3",
        &["boto3==1.44.5"],
        "import boto3
keys = {'aws_access_key_id': 'x', 'aws_secret_access_key': 'x', 'region_name': 'us-east-1'}
client = boto3.client('s3', **keys)
def handler(event, context):
    return event
",
    ),
    (
        "python, numpy and pandas",
        &["numpy==1.26.4", "pandas==2.2.3"],
        "import numpy, pandas
def handler(event, context):
    return event
",
    ),
];
/// A start takes a tenth of a second and more: this many are as good as all of the others'.
const STARTS_PART: usize = 5;
/// Until a library is compiled.
const COMPILED_TIMEOUT: Duration = Duration::from_secs(120);

/// A row for each library, where this machine has a Python.
///
/// # Errors
/// When a library cannot be had, or a function does not start.
pub(super) fn rows(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let Some(python) = subjects.iter().find(|subject| subject.name == "python") else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for library in LIBRARIES {
        rows.push(row(server, &with(python, folder, library)?, folder, effort)?);
    }
    Ok(rows)
}

fn row(server: &Lambent, subject: &Subject, folder: &Path, effort: &Effort) -> Result<Row, Failure> {
    let bare = Bare::build(folder)?;
    let (mut lambent, mut alone) = (Vec::new(), Vec::new());
    let before = compiled(server);
    for number in 0..(effort.cold_starts / STARTS_PART).max(2) {
        let name = format!("library-{}-{number}", subject.name.replace([' ', ','], ""));
        let path = server.deploy(subject, &name)?;
        wait_until(|| compiled(server) > before)?;
        lambent.push(start(server, subject, &path)?);
        alone.push(bare.start(subject)?);
    }
    Ok(Row {
        name: format!("cold {} : bare", subject.name),
        lambent: one_after_another(lambent),
        floor: one_after_another(alone),
    })
}

/// Packages that the server has compiled.
fn compiled(server: &Lambent) -> usize {
    let packages = fs::read_dir(server.data.join("code")).into_iter().flatten().flatten();
    let parts = packages.flat_map(|package| fs::read_dir(package.path()).into_iter().flatten().flatten());
    parts.filter(|part| part.file_name().to_string_lossy().starts_with("compiled-")).count()
}

fn wait_until(is_so: impl Fn() -> bool) -> Result<(), Failure> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > COMPILED_TIMEOUT {
            return Err(Failure::new("a library was not compiled"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The runtime with a package that has the library in it.
fn with(
    python: &Subject,
    folder: &Path,
    (name, wanted, source): (&'static str, &[&str], &str),
) -> Result<Subject, Failure> {
    let task = folder.join(name.replace([' ', ','], ""));
    let package = task.with_extension("zip");
    if !package.is_file() {
        install(python, &task, wanted)?;
        fs::write(task.join("app.py"), source).map_err(|e| Failure::during(task.display(), e))?;
        let mut zip = Command::new(&python.program);
        let entries = fs::read_dir(&task).map_err(|e| Failure::during(task.display(), e))?;
        let entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        shell::succeed("bench-zip", zip.args(["-m", "zipfile", "-c"]).arg(&package).args(entries))?;
    }
    let package = fs::read(&package).map_err(|e| Failure::during(package.display(), e))?;
    let mut variables = runtimes::variables(&task);
    variables.push(("PYTHONDONTWRITEBYTECODE", "1".to_owned()));
    Ok(Subject { name, package, variables, ..python.clone() })
}

/// Without bytecode.
fn install(python: &Subject, task: &Path, wanted: &[&str]) -> Result<(), Failure> {
    let mut pip = Command::new(&python.program);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--upgrade",
        "--target",
    ]);
    shell::succeed("bench-pip", pip.arg(task).args(wanted))
}
