//! The end-to-end suite: pytest with boto3 and the AWS CLI against the real binary.
//!
//! The clients come from PyPI at the versions of `tests/e2e/requirements.txt`, into a virtual environment in
//! `target/e2e-venv` that is made anew when that file changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Outcome, tally};
use crate::failure::Failure;
use crate::shell;

/// What measures, or floods, and so has the machine to itself: a marker of pytest's.
const ALONE: &str = "alone";
/// Files at a time: tests wait about as much as they compute. With six, two processors make them wait for each other.
const WORKERS: &str = "4";

/// Installs the clients if need be and runs the suite on the debug binary: what measures after everything else.
pub(super) fn run() -> Result<Outcome, Failure> {
    let mut others = pytest()?;
    others.args(["-n", WORKERS, "--dist", "loadfile", "-m", &format!("not {ALONE}")]);
    let others = outcome("e2e", &mut others)?;
    if !others.success {
        return Ok(others);
    }
    let alone = outcome("e2e-alone", pytest()?.args(["-m", ALONE]))?;
    Ok(Outcome { tests: others.tests + alone.tests, ..alone })
}

fn outcome(name: &str, pytest: &mut Command) -> Result<Outcome, Failure> {
    let finished = shell::run_logged(name, pytest)?;
    let tests = tally::of_pytest(&finished.output);
    Ok(Outcome { tests, ..Outcome::of(finished) })
}

/// The suite's pytest on the debug binary; without further arguments it runs all of it.
///
/// # Errors
/// When the clients cannot be installed.
pub(crate) fn pytest() -> Result<Command, Failure> {
    let venv = virtual_environment()?;
    let mut pytest = Command::new(venv.join("bin/python"));
    pytest.current_dir(shell::repository_root().join("tests/e2e"));
    pytest.env("LAMBENT_BIN", binary()).env("LAMBENT_TARGET_DIR", shell::target_directory());
    pytest.args(["-m", "pytest", "-q", "-rfEs", "--color=no", "-p", "no:cacheprovider"]);
    Ok(pytest)
}

/// Builds the debug binary and runs files of the suite in a form of their own, which `configure` sets; prints what pytest says.
///
/// # Errors
/// When the binary cannot be built or a test fails; the output says how.
pub(crate) fn run_apart(
    name: &str,
    files: &[&str],
    configure: impl FnOnce(&mut Command),
) -> Result<(), Failure> {
    let build = format!("{name}-build");
    shell::succeed(&build, shell::cargo().args(["build", "--locked", "--quiet", "--bin", "lambent"]))?;
    let mut pytest = pytest()?;
    pytest.args(files);
    configure(&mut pytest);
    let finished = shell::run_logged(name, &mut pytest)?;
    print!("{}", finished.output);
    match finished.success {
        true => Ok(()),
        false => Err(Failure::new(format!("log in {}", finished.log.display()))),
    }
}

/// The debug binary.
pub(crate) fn binary() -> PathBuf {
    shell::target_directory().join("debug/lambent")
}

/// The virtual environment with the clients; made unless one of the same requirements is there.
///
/// # Errors
/// When Python or the packages cannot be had.
pub(crate) fn virtual_environment() -> Result<PathBuf, Failure> {
    environment_of("e2e")
}

/// The virtual environment `target/<suite>-venv` with the packages of `tests/<suite>/requirements.txt`.
///
/// # Errors
/// When Python or the packages cannot be had.
pub(crate) fn environment_of(suite: &str) -> Result<PathBuf, Failure> {
    let venv = shell::target_directory().join(format!("{suite}-venv"));
    let requirements = shell::repository_root().join(format!("tests/{suite}/requirements.txt"));
    let wanted = fs::read_to_string(&requirements).map_err(|e| Failure::during(requirements.display(), e))?;
    let stamp = venv.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(venv);
    }
    make_venv(&venv)?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
    shell::succeed(&format!("{suite}-pip"), &mut pip)?;
    fs::write(&stamp, wanted).map_err(|e| Failure::during(stamp.display(), e))?;
    Ok(venv)
}

/// Makes an empty virtual environment. Debian and Ubuntu keep what it takes in a package of its own, which root
/// installs on the way: the README promises that the test command needs nothing done before.
fn make_venv(venv: &Path) -> Result<(), Failure> {
    let make =
        || shell::succeed("e2e-venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    if make().is_ok() {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "-qq", "python3", "python3-venv"]);
    let installed = shell::succeed("e2e-apt", &mut apt);
    make().map_err(|failure| match installed {
        Ok(()) => failure,
        Err(_) => Failure::during("install Python 3 with venv (Debian and Ubuntu: python3-venv)", failure),
    })
}
