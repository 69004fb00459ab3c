//! The processes of an environment: the runtime's and those of external extensions.

use std::{ffi::OsString, io::ErrorKind, os::fd::AsFd, path::Path};

use lambda_model::environment::Category;
use sandbox::{ExitStatus, LaunchedProcess, ProcessId, ProcessSpec, SandboxError, SandboxEvent};
use tokio::{io::Interest, net::UnixStream};

use super::{
    Environment,
    log_frames::{LOG_DESCRIPTOR, LOG_DESCRIPTOR_VARIABLE},
};
use crate::sandboxes::readiness;

/// An external extension.
pub(super) struct ExtensionProgram {
    /// The file's name, which is the extension's.
    pub name: String,
    /// Where it is, as its process sees it.
    pub program: OsString,
    /// Its process, while it runs.
    pub process: Option<ProcessId>,
}

/// Whose process it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    Runtime,
    Extension,
}

impl Party {
    /// Whether it gets a variable.
    fn sees(self, name: &str) -> bool {
        match self {
            Self::Runtime => true,
            Self::Extension => !name.starts_with('_') && !NOT_FOR_EXTENSIONS.contains(&name),
        }
    }
}

/// A process that ended.
pub(super) enum Exit {
    /// The runtime's.
    Runtime(ExitStatus),
    /// An external extension's.
    Extension(ExitStatus),
}

/// Variables that extensions do not see, beside those that begin with an underscore.
const NOT_FOR_EXTENSIONS: [&str; 6] = [
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_XRAY_CONTEXT_MISSING",
];

impl Environment {
    /// Starts the runtime's program; what is not known of that yet, where it did not wait for its function already.
    ///
    /// # Errors
    /// [`SandboxError::RunProgram`] when the function has none that can be run.
    pub(super) async fn start_runtime_process(&mut self) -> Result<Option<Launching>, SandboxError> {
        self.sandbox.must_be_bound()?;
        if let Some(process) = self.claim_waiting() {
            self.process = Some(process);
            return Ok(None);
        }
        let (argv, cwd) = (self.plan.argv.clone(), self.plan.working_directory.clone());
        let launching = self.start_process(argv, &cwd, Party::Runtime).await?;
        self.process = Some(launching.launched.id());
        Ok(Some(launching))
    }

    /// Gives the runtime that waits its function; `None` where none waits any more.
    fn claim_waiting(&mut self) -> Option<ProcessId> {
        let waiting = self.waiting.take()?;
        let (process, log) = waiting.claim(&self.variables, &self.plan.working_directory)?;
        // Unheard, it could not go on for long: it is forgotten, and another one started.
        self.log.listen_to(Category::Function, log).ok()?;
        Some(process)
    }

    /// Starts the program of the extension at `index`.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn start_extension_process(&mut self, index: usize) -> Result<(), SandboxError> {
        let Some(program) = self.extensions.get(index).map(|extension| extension.program.clone()) else {
            return Ok(());
        };
        let launching = self.start_process(vec![program], Path::new("/"), Party::Extension).await?;
        let process = launching.process().await?;
        if let Some(extension) = self.extensions.get_mut(index) {
            extension.process = Some(process);
        }
        Ok(())
    }

    async fn start_process(
        &mut self,
        argv: Vec<OsString>,
        cwd: &Path,
        party: Party,
    ) -> Result<Launching, SandboxError> {
        let variables = self.variables.iter().filter(|(name, _)| party.sees(name));
        let category = match party {
            Party::Runtime => Category::Function,
            Party::Extension => Category::Extension,
        };
        let (writer, reader) = self.log.writer(category).map_err(no_log)?;
        let process = ProcessSpec {
            argv,
            env: variables.map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: cwd.to_owned(),
            stdin: None,
            stdout: writer.as_fd(),
            stderr: writer.as_fd(),
            stdout_again: self.log_descriptor(party),
        };
        let launched = match self.sandbox.has_prepared_process() {
            true => self.sandbox.launch(&process)?,
            false => {
                // The wait for the kernel blocks this thread: not more of them at a time than help.
                let _permit = self.context.starts.acquire(Some(self.version.key.clone())).await;
                let launched = tokio::task::block_in_place(|| self.sandbox.launch(&process))?;
                // What else the sandbox said before it answered is here already: its descriptor does not tell of it any more.
                self.has_exits = true;
                launched
            }
        };
        // Nobody waits for this: the process is on its way.
        if let Some(reader) = reader {
            self.log.listen_to(category, reader).map_err(no_log)?;
        }
        let watched = readiness(launched.as_fd().try_clone_to_owned().map_err(no_log)?).map_err(no_log)?;
        Ok(Launching { launched, watched, runs: false })
    }

    /// Runtimes that know how to frame their messages have a descriptor for them.
    fn log_descriptor(&self, party: Party) -> Option<i32> {
        let is_told = self.plan.environment.iter().any(|(name, _)| name == LOG_DESCRIPTOR_VARIABLE);
        (party == Party::Runtime && is_told).then_some(LOG_DESCRIPTOR)
    }

    /// Waits for news from the sandbox; clears the readiness so that the caller must look for them now.
    pub(super) async fn control_readable(control: &UnixStream) -> std::io::Result<()> {
        control.readable().await?;
        let cleared: std::io::Result<()> =
            control.try_io(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
        match cleared {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// The next process of ours that ended; what it left to others is no news.
    pub(super) fn next_exit(&mut self) -> Option<Exit> {
        loop {
            match self.sandbox.next_event() {
                Ok(Some(SandboxEvent::Exited { process, status, .. })) => {
                    if let Some(exit) = self.forget_process(process, status) {
                        return Some(exit);
                    }
                }
                Ok(None) => {
                    self.answer_connections();
                    self.serve_wanted();
                    return None;
                }
                // The sandbox itself is gone, and with it the runtime.
                Err(_) => return self.process.take().map(|_| Exit::Runtime(ExitStatus::Signal(9))),
            }
        }
    }

    fn answer_connections(&mut self) {
        // An error is the end of the sandbox, which the next look finds.
        for (_, connection) in self.sandbox.take_connections().unwrap_or_default() {
            if let Some(names) = &mut self.names {
                names.take(connection);
            }
        }
    }

    fn forget_process(&mut self, process: ProcessId, status: ExitStatus) -> Option<Exit> {
        if self.process == Some(process) {
            self.process = None;
            return Some(Exit::Runtime(status));
        }
        let extension = self.extensions.iter_mut().find(|extension| extension.process == Some(process))?;
        extension.process = None;
        Some(Exit::Extension(status))
    }

    /// Forgets processes that were killed.
    pub(super) fn forget_processes(&mut self) {
        self.process = None;
        self.extensions.iter_mut().for_each(|extension| extension.process = None);
    }
}

/// A process of which it is not known whether it runs its program.
pub(super) struct Launching {
    launched: LaunchedProcess,
    /// Readable when it is known, at the latest when the process is gone.
    watched: UnixStream,
    /// Whether it is known that it does.
    runs: bool,
}

impl Launching {
    /// The process, once it runs its program.
    ///
    /// # Errors
    /// As those of [`LaunchedProcess::wait`].
    async fn process(&self) -> Result<ProcessId, SandboxError> {
        let _ = self.watched.readable().await;
        self.launched.wait()
    }

    /// Why it does not run its program; waits for ever where it does. Cancel-safe.
    pub(super) async fn failure(&mut self) -> SandboxError {
        if !self.runs {
            match self.process().await {
                Ok(_) => self.runs = true,
                Err(error) => return error,
            }
        }
        std::future::pending().await
    }

    /// The same of a process that has ended.
    pub(super) fn failure_of_ended(&self) -> Option<SandboxError> {
        if self.runs { None } else { self.launched.wait().err() }
    }
}

/// There is no pipe to print to.
fn no_log(source: std::io::Error) -> SandboxError {
    SandboxError::StartProcess { stage: "making the pipe of its log".into(), source }
}
