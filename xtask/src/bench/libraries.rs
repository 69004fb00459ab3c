//! Functions with something of others in their packages: AWS's own runtime interface client, and libraries.
//!
//! G7 and G8: first invocations of functions that bring a library, beside the same runtime with the same package, started by itself.
//!
//! A package has no bytecode, as packages of Lambda have none, and nobody can write to it: whoever starts the runtime by itself compiles the
//! library each time. Lambent has done that when the function was deployed.

mod bundle;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
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

/// A package with something of others in it.
struct Library {
    name: &'static str,
    /// What pip is asked for.
    wanted: &'static [&'static str],
    /// The function's own files, by name; they are programs too.
    files: &'static [(&'static str, &'static str)],
}

/// What is measured.
const LIBRARIES: [Library; 2] = [
    Library {
        name: "python, boto3",
        wanted: &["boto3==1.44.5"],
        files: &[(
            "app.py",
            "import boto3
keys = {'aws_access_key_id': 'x', 'aws_secret_access_key': 'x', 'region_name': 'us-east-1'}
client = boto3.client('s3', **keys)
def handler(event, context):
    return event
",
        )],
    },
    Library {
        name: "python, numpy and pandas",
        wanted: &["numpy==1.26.4", "pandas==2.2.3"],
        files: &[("app.py", "import numpy, pandas\ndef handler(event, context):\n    return event\n")],
    },
];

/// AWS's own runtime interface client, as a custom runtime brings it.
const CLIENT: Library = Library {
    name: "python of AWS's client",
    wanted: &["awslambdaric==4.2.2"],
    files: &[
        ("app.py", "def handler(event, context):\n    return event\n"),
        (
            "bootstrap",
            "#!/bin/sh\nPYTHONPATH=$LAMBDA_TASK_ROOT exec /usr/bin/python3 -m awslambdaric app.handler\n",
        ),
    ],
};
/// The interpreter that a custom runtime finds in its sandbox.
const PYTHON_OF_THE_SYSTEM: &str = "/usr/bin/python3";
/// A start takes a tenth of a second and more: this many are as good as all of the others'.
const STARTS_PART: usize = 5;
/// Until a library is compiled.
const COMPILED_TIMEOUT: Duration = Duration::from_secs(120);

/// A row for each library, where this machine has its runtime.
///
/// # Errors
/// When a library cannot be had, or a function does not start.
pub(super) fn rows(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    if let Some(python) = runtimes::named(subjects, "python") {
        for library in &LIBRARIES {
            rows.push(row(server, &with(python, folder, library)?, folder, effort)?);
        }
    }
    if let Some(node) = runtimes::named(subjects, "node") {
        rows.push(row(server, &bundle::subject(node, folder)?, folder, effort)?);
    }
    Ok(rows)
}

/// A function on AWS's own client, and the same client alone; `None`, with a line that says so, where the machine's Python is another than
/// the one that it is installed for.
///
/// # Errors
/// When it cannot be had.
pub(super) fn client_of_aws(python: &Subject, folder: &Path) -> Result<Option<Subject>, Failure> {
    let version = shell::output_of(Command::new(PYTHON_OF_THE_SYSTEM).arg("--version")).unwrap_or_default();
    let wanted = python.runtime.trim_start_matches("python");
    if !version.trim_start_matches("Python ").starts_with(&format!("{wanted}.")) {
        println!(
            "skipped: AWS's runtime interface client, for which {PYTHON_OF_THE_SYSTEM} is not Python {wanted}"
        );
        return Ok(None);
    }
    let subject = with(python, folder, &CLIENT)?;
    let bootstrap = folder_of(folder, &CLIENT).join("bootstrap").to_string_lossy().into_owned();
    let bare = vec!["/bin/sh".to_owned(), bootstrap];
    Ok(Some(Subject { runtime: "provided.al2023".to_owned(), bare, ..subject }))
}

fn folder_of(folder: &Path, library: &Library) -> PathBuf {
    folder.join(library.name.replace([' ', ',', '\''], ""))
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
fn with(python: &Subject, folder: &Path, library: &Library) -> Result<Subject, Failure> {
    let task = folder_of(folder, library);
    let package = task.with_extension("zip");
    if !package.is_file() {
        install(python, &task, library.wanted)?;
        let failed = |error: io::Error| Failure::during(task.display(), error);
        for (name, contents) in library.files {
            fs::write(task.join(name), contents).map_err(failed)?;
            fs::set_permissions(task.join(name), Permissions::from_mode(0o755)).map_err(failed)?;
        }
        let entries = fs::read_dir(&task).map_err(failed)?;
        let entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let mut zip = Command::new(&python.program);
        shell::succeed("bench-zip", zip.args(["-m", "zipfile", "-c"]).arg(&package).args(entries))?;
    }
    let package = fs::read(&package).map_err(|e| Failure::during(package.display(), e))?;
    let mut variables = runtimes::variables(&task);
    variables.push(("PYTHONDONTWRITEBYTECODE", "1".to_owned()));
    Ok(Subject { name: library.name, package, variables, ..python.clone() })
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
