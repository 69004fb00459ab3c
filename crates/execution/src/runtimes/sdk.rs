//! The AWS SDK that Lambda's managed runtimes carry: fetched once per runtime from the language's package registry, at pinned
//! versions with their hashes, by the language's own installer, so that its index and proxy settings hold here too.
//!
//! A fetch fills a directory of its own and gives it its name when it is whole: dropping it half way leaves nothing that would be used.

use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::process::Command;

use super::{
    directories::{self, RuntimeDirectories},
    discovery::Interpreter,
    names::Family,
};

/// Whether a runtime has its SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SdkState {
    /// The runtime's directory with the SDK.
    Present(PathBuf),
    /// The runtime carries none.
    NotNeeded,
    /// It is not there; the text says why and what to do.
    Missing(String),
}

/// What a runtime carries.
pub(super) enum SdkPackage {
    /// Requirements with hashes, for pip.
    Pip { requirements: &'static str },
    /// A manifest and its lock with hashes, for npm.
    Npm { manifest: &'static str, lock: &'static str },
}

const PYTHON_3_8: &str = include_str!("../../runtimes/python/requirements-3.8.txt");
const PYTHON_3_9: &str = include_str!("../../runtimes/python/requirements-3.9.txt");
const PYTHON: &str = include_str!("../../runtimes/python/requirements.txt");

macro_rules! npm {
    ($folder:literal) => {
        SdkPackage::Npm {
            manifest: include_str!(concat!("../../runtimes/nodejs/", $folder, "/package.json")),
            lock: include_str!(concat!("../../runtimes/nodejs/", $folder, "/package-lock.json")),
        }
    };
}

impl SdkPackage {
    /// As on Lambda, a version per runtime: the last ones that still run on the old interpreters.
    pub(super) fn of(family: Family) -> Option<Self> {
        match family {
            Family::Python { minor: 8 } => Some(Self::Pip { requirements: PYTHON_3_8 }),
            Family::Python { minor: 9 } => Some(Self::Pip { requirements: PYTHON_3_9 }),
            Family::Python { .. } => Some(Self::Pip { requirements: PYTHON }),
            Family::Nodejs { major: 16 } => Some(npm!("sdk-v2")),
            Family::Nodejs { major: 18 } => Some(npm!("sdk-v3-node18")),
            Family::Nodejs { .. } => Some(npm!("sdk-v3")),
            Family::Custom | Family::Go | Family::Other => None,
        }
    }

    /// Everything that decides what is fetched.
    pub(super) fn pins(&self) -> Vec<&'static str> {
        match self {
            Self::Pip { requirements } => vec![requirements],
            Self::Npm { manifest, lock } => vec![manifest, lock],
        }
    }
}

/// One fetch of a runtime's SDK at a time.
#[derive(Default)]
pub(super) struct Fetches(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Fetches {
    /// To be held during a fetch.
    pub(super) fn lock_of(&self, runtime: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(runtime.to_owned()).or_default())
    }
}

/// Removes the directory unless it was put in its place.
struct NewDirectory(PathBuf);

impl Drop for NewDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches the SDK unless it is there.
pub(super) async fn ensure(
    runtime: &str,
    package: &SdkPackage,
    interpreter: &Interpreter,
    target: &Path,
    directories: &RuntimeDirectories,
) -> SdkState {
    let bootstrap = directories::bootstrap_of(Family::of(runtime));
    if directories::is_complete(target, bootstrap) {
        return SdkState::Present(target.to_owned());
    }
    match fetch(package, interpreter, target, directories, bootstrap).await {
        Ok(()) => SdkState::Present(target.to_owned()),
        Err(why) => SdkState::Missing(format!(
            "The AWS SDK of {runtime} could not be fetched ({why}); the function runs without it. \
             Fetch it with: lambent runtime prepare {runtime}"
        )),
    }
}

async fn fetch(
    package: &SdkPackage,
    interpreter: &Interpreter,
    target: &Path,
    directories: &RuntimeDirectories,
    bootstrap: directories::Bootstrap,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    directories.remove_abandoned();
    let new = NewDirectory(directories.begin().map_err(text)?);
    match package {
        SdkPackage::Pip { requirements } => install_with_pip(requirements, interpreter, &new.0).await?,
        SdkPackage::Npm { manifest, lock } => install_with_npm(manifest, lock, interpreter, &new.0).await?,
    }
    directories::write(&new.0, bootstrap).map_err(text)?;
    let (from, to) = (new.0.clone(), target.to_owned());
    let placed = tokio::task::spawn_blocking(move || {
        // Whole before it has its name, whatever happens to the power.
        let folder = std::fs::File::open(&from)?;
        rustix::fs::syncfs(&folder)?;
        directories::finish(&from, &to, bootstrap)
    });
    placed.await.map_err(|error| error.to_string())?.map_err(text)
}

/// The interpreter's own pip, or any other: the packages are pure Python.
async fn install_with_pip(
    requirements: &str,
    interpreter: &Interpreter,
    target: &Path,
) -> Result<(), String> {
    let list = target.join("requirements.txt");
    std::fs::write(&list, requirements).map_err(|error| error.to_string())?;
    let mut last = "no pip was found".to_owned();
    for python in [interpreter.program.as_os_str(), OsStr::new("python3"), OsStr::new("/usr/bin/python3")] {
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-compile",
        ]);
        pip.args([
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--ignore-requires-python",
            "--target",
        ]);
        pip.arg(target).arg("-r").arg(&list);
        match run(&mut pip).await {
            Ok(()) => return compile(interpreter, target).await,
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// Bytecode beside the sources: the mount is read-only, and every cold start would compile anew.
async fn compile(interpreter: &Interpreter, target: &Path) -> Result<(), String> {
    let mut python = Command::new(&interpreter.program);
    python.args(["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]).arg(target);
    run(&mut python).await
}

async fn install_with_npm(
    manifest: &str,
    lock: &str,
    interpreter: &Interpreter,
    target: &Path,
) -> Result<(), String> {
    for (name, text) in [("package.json", manifest), ("package-lock.json", lock)] {
        std::fs::write(target.join(name), text).map_err(|error| error.to_string())?;
    }
    let beside = interpreter.program.with_file_name("npm");
    let program = if beside.exists() { beside.into_os_string() } else { "npm".into() };
    let mut npm = Command::new(program);
    npm.current_dir(target);
    npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(&mut npm).await?;
    // They say what was wanted, and would make the directory look like a package of the user's.
    for name in ["package.json", "package-lock.json"] {
        let _ = std::fs::remove_file(target.join(name));
    }
    Ok(())
}

/// Runs an installer; it dies with the future that waits for it.
async fn run(command: &mut Command) -> Result<(), String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", last_line(&output))),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.trim().chars().take(300).collect())
        .next()
        .unwrap_or_else(|| output.status.to_string())
}
