//! Running other programs: where the repository is, output kept in a log file, and what it printed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// What a program left behind.
pub(crate) struct Finished {
    /// Whether it ended with exit status 0.
    pub(crate) success: bool,
    /// Standard output and standard error, interleaved as written.
    pub(crate) output: String,
    /// Where `output` is kept.
    pub(crate) log: PathBuf,
}

/// The root of the checkout: the parent of the folder that holds this crate.
pub(crate) fn repository_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds (`CARGO_TARGET_DIR`, or `target` in the checkout).
pub(crate) fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => repository_root().join(directory),
        None => repository_root().join("target"),
    }
}

/// The cargo that runs us, so that a toolchain override holds for what we start.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repository_root());
    command
}

/// Runs a program to its end with its output in `target/check/<name>.log`.
///
/// # Errors
/// When the log cannot be written or the program cannot be started; not when it fails.
pub(crate) fn run_logged(name: &str, command: &mut Command) -> Result<Finished, Failure> {
    let directory = target_directory().join("check");
    fs::create_dir_all(&directory).map_err(|e| Failure::during(directory.display(), e))?;
    let log = directory.join(format!("{name}.log"));
    let file = File::create(&log).map_err(|e| Failure::during(log.display(), e))?;
    let errors = file.try_clone().map_err(|e| Failure::during(log.display(), e))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .map_err(|e| Failure::during(format!("cannot start `{program}`"), e))?;
    let bytes = fs::read(&log).map_err(|e| Failure::during(log.display(), e))?;
    Ok(Finished { success: status.success(), output: String::from_utf8_lossy(&bytes).into_owned(), log })
}

/// Runs a program whose output matters only when it fails.
///
/// # Errors
/// When it cannot be started or fails; the message carries its output and where that is kept.
pub(crate) fn succeed(name: &str, command: &mut Command) -> Result<(), Failure> {
    let finished = run_logged(name, command)?;
    if finished.success {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{}
log in {}",
        finished.output.trim_end(),
        finished.log.display()
    )))
}

/// Runs a program to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or fails; the message carries what it wrote to standard error.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::during(format!("cannot start `{program}`"), e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::during(format!("`{program}` failed"), String::from_utf8_lossy(&output.stderr).trim()))
}
