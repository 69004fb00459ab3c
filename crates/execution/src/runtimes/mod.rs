//! Runtimes of this host: which interpreters there are, and what an environment needs to run one.
//!
//! ```text
//! name ──names──► family ──discovery──► interpreter ──python | nodejs | custom──► RuntimePlan
//!                                           sdk ──► the AWS SDK beside the bootstrap, fetched once per runtime
//! ```
//! A runtime is the host's interpreter, mounted read-only, with a bootstrap of ours (`crates/execution/runtimes/`) that talks to
//! the Runtime API. A version that the host lacks is an error that says what to install, never another version.

mod custom;
mod directories;
mod discovery;
mod names;
mod nodejs;
mod python;
mod sdk;
mod visible;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

pub use sdk::SdkState;

use directories::RuntimeDirectories;
use discovery::{Asked, Interpreter, Places};
use names::Family;

/// What an environment is asked to run.
pub struct PlanRequest<'a> {
    /// Such as `python3.11`.
    pub runtime: &'a str,
    /// Such as `index.handler`.
    pub handler: &'a str,
    /// Region of the function; part of the runtime's ARN.
    pub region: &'a str,
}

/// Something of the host that the environment sees, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeBind {
    /// Path of the host.
    pub source: PathBuf,
    /// Path inside.
    pub target: PathBuf,
}

/// How a runtime waits for a function that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waits {
    /// It does not: its program is the function's.
    Never,
    /// Each is started by itself.
    Alone,
    /// It is forked from one that was started for all.
    ForkedFromOne,
}

/// A program that compiles the sources of a package, in `crates/execution/runtimes/`.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The program, a path inside, and its arguments but for the last, the folder.
    pub argv: Vec<OsString>,
    /// How the names of sources end, with their dot.
    pub sources: &'static [&'static str],
    /// Bytes of all sources of a package. To compile less takes no longer than to look for it, and each compiler takes as long as to start
    /// an interpreter; what comes of more would lie in this server's memory for a moment.
    pub source_bytes: RangeInclusive<u64>,
    /// What comes of a source takes at most so many times its bytes.
    pub growth_max: u64,
    /// Whether a path, below the folder of what was compiled, is one that the compiler would name.
    pub is_product: fn(&Path) -> bool,
    /// How variables begin by which a function tells its interpreter to compile in another way, or to say what it thinks of the sources.
    pub variables: &'static str,
}

/// How to run a function: program, variables, and what of the host must be visible.
#[derive(Debug, Clone)]
pub struct RuntimePlan {
    /// As the first log line names it, such as `python:3.11.v1`.
    pub runtime_version: String,
    /// Its ARN.
    pub runtime_version_arn: String,
    /// The program, a path inside, and its arguments.
    pub argv: Vec<OsString>,
    /// Whether the program is a wrapper of the function's own, which starts the runtime.
    pub is_wrapped: bool,
    /// Whether the program can be started before its function is known.
    pub waits: Waits,
    /// What compiles a package ahead of its starts, where there is something to compile.
    pub compiler: Option<Compiler>,
    /// Variables beside those of the function itself (N-02).
    pub environment: Vec<(String, String)>,
    /// A path inside.
    pub working_directory: PathBuf,
    /// In the order in which they are mounted.
    pub binds: Vec<RuntimeBind>,
    /// Paths inside that a bind would show and that stay hidden.
    pub masks: Vec<PathBuf>,
}

impl RuntimePlan {
    /// Lets the function's wrapper script start the runtime, with the runtime's program and arguments for its own. Custom runtimes
    /// know no wrappers (AWS: "Wrapper scripts are not supported on OS-only runtimes").
    pub(crate) fn wrap(&mut self, wrapper: Option<&str>) {
        let is_custom = self.argv.first().is_some_and(|program| *program == custom::BOOTSTRAP);
        if let Some(wrapper) = wrapper.filter(|wrapper| !wrapper.is_empty() && !is_custom) {
            self.argv.insert(0, wrapper.into());
            self.is_wrapped = true;
        }
    }

    /// Takes the bootstrap of a layer where the package brings none: AWS looks in the package first, then in `/opt`. `code` and
    /// `layers` are where the two lie on the host.
    pub(crate) fn look_for_bootstrap(&mut self, code: &Path, layers: Option<&Path>) {
        let Some(program) = self.argv.first_mut().filter(|program| *program == custom::BOOTSTRAP) else {
            return;
        };
        let is_in = |folder: &Path| folder.join("bootstrap").symlink_metadata().is_ok();
        if !is_in(code) && layers.is_some_and(is_in) {
            *program = "/opt/bootstrap".into();
        }
    }
}

/// Why a runtime cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// This server runs no functions of this kind.
    #[error("The runtime {0} is not available on this server yet.")]
    NotBuilt(String),
    /// The host lacks the interpreter; the second text says what to do.
    #[error("The runtime {runtime} is not on this machine: {fix}")]
    NotFound {
        /// The runtime.
        runtime: String,
        /// What to install.
        fix: String,
    },
    /// The bootstrap could not be put in place.
    #[error("bootstrap of {runtime}")]
    Bootstrap {
        /// The runtime.
        runtime: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The interpreters of this host, looked for when they are first asked for.
pub struct HostRuntimes {
    places: Places,
    asked: Asked,
    directories: RuntimeDirectories,
    /// Those that are there: what is missing may be installed while the server runs.
    found: Mutex<BTreeMap<String, Interpreter>>,
    fetches: sdk::Fetches,
}

impl HostRuntimes {
    /// `data_dir` keeps bootstraps and SDKs; `named` are interpreters that the operator names, as (`python3.8`, path).
    pub fn discover(data_dir: &Path, named: &[(String, PathBuf)]) -> Self {
        Self {
            places: Places::of_this_user(named, data_dir),
            asked: Asked::default(),
            directories: RuntimeDirectories::new(data_dir.join("runtimes")),
            found: Mutex::default(),
            fetches: sdk::Fetches::default(),
        }
    }

    /// What an environment for the request needs.
    ///
    /// # Errors
    /// When the host lacks the runtime.
    pub fn plan(&self, request: &PlanRequest<'_>) -> Result<RuntimePlan, RuntimeError> {
        let family = Family::of(request.runtime);
        let directory = || {
            let made = self.directories.of(request.runtime, family);
            made.map_err(|source| RuntimeError::Bootstrap { runtime: request.runtime.to_owned(), source })
        };
        match family {
            Family::Python { .. } => {
                let interpreter = self.interpreter(request.runtime, family)?;
                Ok(python::plan(request, &interpreter, directory()?))
            }
            Family::Nodejs { .. } => {
                let interpreter = self.interpreter(request.runtime, family)?;
                Ok(nodejs::plan(request, &interpreter, directory()?))
            }
            Family::Custom => Ok(custom::plan(request, custom::BOOTSTRAP)),
            Family::Go => Ok(custom::plan(request, &format!("/var/task/{}", request.handler))),
            Family::Other => Err(RuntimeError::NotBuilt(request.runtime.to_owned())),
        }
    }

    /// `arn:aws:lambda:<region>::runtime:<sha256>` of what the runtime's functions run on here; `None` where the host lacks it.
    pub fn version_arn(&self, runtime: &str, region: &str) -> Option<String> {
        let request = PlanRequest { runtime, handler: "", region };
        match Family::of(runtime) {
            family @ (Family::Python { .. } | Family::Nodejs { .. }) => {
                let interpreter = self.interpreter(runtime, family).ok()?;
                Some(custom::runtime_version_arn(&request, &interpreter.program.to_string_lossy()))
            }
            Family::Custom | Family::Go => Some(custom::runtime_version_arn(&request, "")),
            Family::Other => None,
        }
    }

    /// Makes sure that the runtime's AWS SDK is there. May be dropped at any time: what is there is whole.
    pub async fn ensure_sdk(&self, runtime: &str) -> SdkState {
        let family = Family::of(runtime);
        let Some(package) = sdk::SdkPackage::of(family) else { return SdkState::NotNeeded };
        let interpreter = match self.interpreter(runtime, family) {
            Ok(interpreter) => interpreter,
            Err(error) => return SdkState::Missing(error.to_string()),
        };
        let target = self.directories.with_sdk(runtime, family);
        let lock = self.fetches.lock_of(runtime);
        let _one_at_a_time = lock.lock().await;
        let pythons = self.pythons(&interpreter);
        sdk::ensure(runtime, &package, &interpreter.program, pythons, &target, &self.directories).await
    }

    /// Interpreters whose pip may install for `first`.
    fn pythons(&self, first: &Interpreter) -> Vec<PathBuf> {
        let of_this_machine = names::PREFERRED.iter().filter_map(|runtime| match Family::of(runtime) {
            family @ Family::Python { .. } => self.interpreter(runtime, family).ok(),
            _ => None,
        });
        let mut pythons = vec![first.program.clone()];
        pythons
            .extend(of_this_machine.map(|found| found.program).filter(|program| *program != first.program));
        pythons
    }

    /// The runtime that a first function should use here.
    pub fn first_runtime(&self) -> &'static str {
        let has = |runtime: &str| self.interpreter(runtime, Family::of(runtime)).is_ok();
        names::PREFERRED.iter().copied().find(|runtime| has(runtime)).unwrap_or("provided.al2023")
    }

    /// A line per runtime: version and place, or what to install.
    pub fn describe(&self) -> impl Iterator<Item = String> {
        // Each has to be started to say its version.
        let interpreted: Vec<String> = thread::scope(|scope| {
            let asked = names::INTERPRETED.map(|runtime| scope.spawn(|| self.describe_interpreted(runtime)));
            asked.into_iter().filter_map(|line| line.join().ok()).collect()
        });
        interpreted
            .into_iter()
            .chain(names::CUSTOM.iter().map(|runtime| format!("{runtime}: the program of the package")))
            .chain([format!("{}: not available on this server yet", names::NOT_BUILT)])
    }

    fn describe_interpreted(&self, runtime: &str) -> String {
        match self.interpreter(runtime, Family::of(runtime)) {
            Ok(Interpreter { program }) => {
                let version = discovery::version_of(&program).unwrap_or_else(|| "does not run".to_owned());
                format!("{runtime}: {version}, {}", program.display())
            }
            Err(error) => format!("{runtime}: no. {error}"),
        }
    }

    /// Looks, and remembers what is there.
    fn interpreter(&self, runtime: &str, family: Family) -> Result<Interpreter, RuntimeError> {
        let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interpreter) = found().get(runtime) {
            return Ok(interpreter.clone());
        }
        let interpreter = discovery::find(&self.places, &self.asked, runtime, family)
            .map_err(|fix| RuntimeError::NotFound { runtime: runtime.to_owned(), fix })?;
        found().insert(runtime.to_owned(), interpreter.clone());
        Ok(interpreter)
    }
}
