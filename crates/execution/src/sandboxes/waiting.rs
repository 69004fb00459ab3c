//! Runtimes that are started before their function is known: interpreter and bootstrap are loaded and read what comes on standard input.
//!
//! ```text
//! start ──► loads itself ──► reads ──claim──► environment, directory: as if it had been started with them ──► the function
//!                              └── the end: nobody wants it any more ──► gone
//! ```
//! What the function cannot tell from a start of its own: its variables, directory, standard input, output and error. What it can:
//! `/proc/self/environ` holds the variables of the start. Where a setting acts on the start of the interpreter itself, there is none that waits
//! ([`WaitingProgram::of`]).

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, Write},
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use sandbox::{Bind, Forked, Limits, ProcessId, ProcessSpec, Sandbox, SandboxError, Zygote, ZygoteSpec};
use serde_json::json;

use crate::{
    environment::log_frames,
    runtimes::{RuntimePlan, Waits},
};

/// Tells a bootstrap to wait, and where the Runtime API is meanwhile.
const WAIT_VARIABLE: &str = "_LAMBENT_WAITS";
/// A pipe takes so much (pipe(7): 65,536) at once: nobody waits for a runtime that reads late.
const CLAIM_BYTES_MAX: usize = 60_000;

/// Variables that interpreters, their libraries and the C library read when they start.
const READ_AT_START: [&str; 12] =
    ["LD_", "PYTHON", "NODE_", "UV_", "OPENSSL_", "SSL_", "MALLOC_", "GLIBC_", "LC_", "ICU_", "LANG", "TZ"];
/// Those of them that only packages read.
const READ_LATER: [&str; 1] = ["NODE_ENV"];

/// A program that can wait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaitingProgram {
    argv: Vec<OsString>,
    environment: Vec<(String, String)>,
    /// Whether one that was started for all can be forked.
    pub is_forked: bool,
}

impl WaitingProgram {
    /// The plan's, if it knows how to wait and none of the function's own variables comes too late.
    pub(crate) fn of<'a>(
        plan: &RuntimePlan,
        mut own_variables: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> Option<Self> {
        let comes_too_late = own_variables.any(|(name, _)| is_read_at_start(name));
        (plan.waits != Waits::Never && !plan.is_wrapped && !comes_too_late).then(|| Self {
            argv: plan.argv.clone(),
            environment: plan.environment.clone(),
            is_forked: plan.waits == Waits::ForkedFromOne,
        })
    }
}

fn is_read_at_start(name: &str) -> bool {
    !READ_LATER.contains(&name) && READ_AT_START.iter().any(|prefix| name.starts_with(prefix))
}

/// A runtime that waits.
pub(crate) struct WaitingRuntime {
    process: ProcessId,
    claim: File,
    /// What it prints.
    log: OwnedFd,
}

impl WaitingProgram {
    /// The one that others are forked from, beside what of the host its sandboxes show.
    pub(super) fn zygote(&self, (binds, masks): (&[Bind], &[PathBuf]), limits: Limits) -> ZygoteSpec {
        ZygoteSpec {
            binds: binds.to_vec(),
            masks: masks.to_vec(),
            argv: self.argv.clone(),
            limits,
            env: self.variables("in a zygote"),
        }
    }

    fn variables(&self, waits: &str) -> Vec<(OsString, OsString)> {
        let own = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.chain([(WAIT_VARIABLE, waits)]).map(|(name, value)| (name.into(), value.into())).collect()
    }
}

impl WaitingRuntime {
    /// Starts the program, or forks the one that was started; it need not have come to where it waits. Its connection to the Runtime API
    /// is the function's.
    pub(super) fn start(
        sandbox: &mut Sandbox,
        program: &WaitingProgram,
        runtime_api: SocketAddr,
        zygote: Option<&Zygote>,
    ) -> Result<Self, SandboxError> {
        let no_pipe = |source| SandboxError::StartProcess { stage: "making a pipe".into(), source };
        let (stdin, claim) = io::pipe().map_err(no_pipe)?;
        let (log, stdout) = io::pipe().map_err(no_pipe)?;
        let (runtime_api, stdout_again) = (runtime_api.to_string(), log_frames::LOG_DESCRIPTOR);
        let process = match zygote {
            Some(zygote) => {
                let (stdin, stdout) = (stdin.as_fd(), stdout.as_fd());
                zygote.fork_into(sandbox, &Forked { stdin, stdout, stdout_again, note: &runtime_api })?
            }
            None => sandbox.start_process(&ProcessSpec {
                argv: program.argv.clone(),
                env: program.variables(&runtime_api),
                cwd: "/".into(),
                stdin: Some(stdin.as_fd()),
                stdout: stdout.as_fd(),
                stderr: stdout.as_fd(),
                stdout_again: Some(stdout_again),
            })?,
        };
        Ok(Self { process, claim: OwnedFd::from(claim).into(), log: log.into() })
    }

    /// Gives it its function. `None` when it is gone, or cannot be told at once.
    pub(crate) fn claim(
        mut self,
        variables: &[(String, String)],
        directory: &Path,
    ) -> Option<(ProcessId, OwnedFd)> {
        let environment: BTreeMap<_, _> = variables.iter().map(|(name, value)| (name, value)).collect();
        let claim = json!({ "environment": environment, "directory": directory }).to_string();
        if claim.len() > CLAIM_BYTES_MAX {
            return None;
        }
        self.claim.write_all(claim.as_bytes()).ok()?;
        Some((self.process, self.log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_interpreters_read_when_they_start_come_too_late() {
        for name in ["LD_PRELOAD", "PYTHONPATH", "NODE_OPTIONS", "TZ", "LANG", "LC_ALL", "GLIBC_TUNABLES"] {
            assert!(is_read_at_start(name), "{name}");
        }
        for name in ["NODE_ENV", "TABLE", "AWS_ENDPOINT_URL", "PATH"] {
            assert!(!is_read_at_start(name), "{name}");
        }
    }
}
