//! What can go wrong with a sandbox.

use std::io;
use std::path::PathBuf;

/// An error of a launcher or of one sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The specification cannot be built by anybody.
    #[error("invalid sandbox: {0}")]
    InvalidSpec(String),
    /// The host lacks something that the isolation level needs; the text says what and how to get it.
    #[error("{0}")]
    HostLacks(String),
    /// The process that starts sandboxes could not be started or is gone.
    #[error("the sandbox spawner is not available")]
    Spawner(#[source] io::Error),
    /// Init could not build the sandbox.
    #[error("cannot set up the sandbox: {stage}")]
    SetUp {
        /// What it was doing.
        stage: String,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The way to a new process's program failed; the sandbox is as usable as before.
    #[error("cannot start the process: {stage}")]
    StartProcess {
        /// What was being done.
        stage: String,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The program of a new process cannot be run; the sandbox is as usable as before.
    #[error("cannot run the program")]
    RunProgram(#[source] io::Error),
    /// A control group could not be made, read or written.
    #[error("control group {}", path.display())]
    Cgroup {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// `/tmp` could not be prepared.
    #[error("ephemeral storage: {doing}")]
    EphemeralStorage {
        /// What was being done.
        doing: String,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// Functions cannot reach as far as a policy wants; the text says why.
    #[error("functions cannot reach the network: {0}")]
    NetworkUnavailable(String),
    /// No network namespace could be made.
    #[error("cannot make the sandbox's network")]
    Network {
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The conversation with the sandbox's init broke.
    #[error("no answer from the sandbox: {doing}")]
    Control {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The sandbox failed before, or ended; it has been destroyed.
    #[error("the sandbox is dead")]
    Dead,
}

impl SandboxError {
    /// Whether the sandbox may be used on after this error. After any other it has been destroyed.
    #[must_use]
    pub fn leaves_sandbox_usable(&self) -> bool {
        matches!(
            self,
            SandboxError::StartProcess { .. } | SandboxError::RunProgram(_) | SandboxError::InvalidSpec(_)
        )
    }
}
