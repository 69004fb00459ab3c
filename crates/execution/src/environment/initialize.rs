//! The Init phase: before any invocation with a limit of its own, or inside one under the function's timeout (L-02, L-05).

use std::{io::ErrorKind, time::Duration};

use hyper::body::Bytes;
use lambda_model::{
    environment::Phase,
    platform_log::{self, InitFailure, InitPhase},
};
use sandbox::{ExitStatus, ProcessSpec, SandboxError};
use tokio::{io::Interest, net::UnixStream, time::Instant};

use super::Environment;
use crate::{runtime_api::RuntimeEvent, runtimes::RuntimePlan};

/// How an initialization ended.
pub(super) enum Initialized {
    /// The runtime waits for an event.
    Ready,
    /// It reported an error: its type and its own words.
    Error { error_type: String, body: Bytes },
    /// Its process ended.
    Exited(ExitStatus),
    /// Its program could not be run (E-05).
    Unstartable {
        /// Such as `Runtime.InvalidEntrypoint`.
        error_type: &'static str,
        /// Why, in the words of AWS's own server.
        message: String,
    },
    /// The time was up.
    TimedOut,
}

impl Environment {
    /// The Init phase of a new environment. A failure spoils the runtime; the first invocation tries again.
    pub(super) async fn initialize(&mut self, timeout: Duration) {
        self.log
            .platform(&platform_log::init_start(&self.plan.runtime_version, &self.plan.runtime_version_arn));
        let started = Instant::now();
        let deadline = started + timeout;
        match self.start_runtime(deadline).await {
            Ok(Initialized::Ready) => {
                self.phase = Phase::Idle;
                self.unreported_init_us = Some(micros_since(started));
            }
            Ok(failed) => {
                self.report_failed_init(started, InitPhase::Init, &failed);
                self.spoil();
            }
            Err(error) => {
                tracing::error!(
                    environment = self.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "runtime not started"
                );
                self.spoil();
            }
        }
    }

    /// Starts the runtime's process and waits until it asks for its first event.
    pub(super) async fn start_runtime(&mut self, deadline: Instant) -> Result<Initialized, SandboxError> {
        self.api.exchange.reset();
        while self.events.try_recv().is_ok() {}
        if let Some(unstartable) = self.start_process().await? {
            return Ok(unstartable);
        }
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(RuntimeEvent::Ready) => return Ok(Initialized::Ready),
                    Some(RuntimeEvent::InitError { error_type, body }) => {
                        return Ok(Initialized::Error { error_type, body });
                    }
                    Some(_) => {}
                    None => return Ok(Initialized::TimedOut),
                },
                exited = Self::control_readable(&self.control) => {
                    exited.map_err(control_broken)?;
                    if let Some(status) = self.runtime_exit() {
                        return Ok(self.exit_or_what_was_said_before(status));
                    }
                }
                () = self.log.read_when_ready() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Initialized::TimedOut),
            }
        }
    }

    /// Starts the runtime's program. `Some` when the function has none that can be run.
    async fn start_process(&mut self) -> Result<Option<Initialized>, SandboxError> {
        let started = {
            // The wait for the kernel blocks this thread: not more of them at a time than help.
            let _permit = self.context.starts.acquire().await.ok();
            let process = ProcessSpec {
                argv: self.plan.argv.clone(),
                env: self.variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
                cwd: self.plan.working_directory.clone(),
                stdout: std::os::fd::AsFd::as_fd(&self.log_writer),
                stderr: std::os::fd::AsFd::as_fd(&self.log_writer),
            };
            tokio::task::block_in_place(|| self.sandbox.start_process(&process))
        };
        match started {
            Ok(started) => {
                self.process = Some(started);
                Ok(None)
            }
            Err(SandboxError::RunProgram(source)) if self.plan.is_wrapped => {
                Ok(Some(self.without_wrapper(&source)))
            }
            Err(SandboxError::RunProgram(source)) => Ok(Some(unstartable(&self.plan, &source))),
            Err(error) => Err(error),
        }
    }

    /// A wrapper script that is missing or no program ends the runtime, as the shell that starts it on Lambda does.
    fn without_wrapper(&mut self, source: &std::io::Error) -> Initialized {
        let (why, code) = match source.kind() {
            ErrorKind::NotFound => ("does not exist", NOT_FOUND),
            ErrorKind::PermissionDenied => ("is not an executable", NOT_EXECUTABLE),
            _ if source.raw_os_error() == Some(EXEC_FORMAT) => ("is not an executable", NOT_EXECUTABLE),
            _ => return unstartable(&self.plan, source),
        };
        let wrapper = self.plan.argv.first().map(|path| path.to_string_lossy()).unwrap_or_default();
        let line = format!("{wrapper}: {why}\n");
        self.log.platform(&line);
        Initialized::Exited(ExitStatus::Code(code))
    }

    /// A runtime that reports an init error exits right after it: the report counts, whichever is seen first.
    fn exit_or_what_was_said_before(&mut self, status: ExitStatus) -> Initialized {
        while let Ok(event) = self.events.try_recv() {
            if let RuntimeEvent::InitError { error_type, body } = event {
                return Initialized::Error { error_type, body };
            }
        }
        Initialized::Exited(status)
    }

    /// Writes the INIT_REPORT line of a failed initialization.
    pub(super) fn report_failed_init(&mut self, started: Instant, phase: InitPhase, failed: &Initialized) {
        let failure = match failed {
            Initialized::Ready => return,
            Initialized::TimedOut => InitFailure::Timeout,
            Initialized::Error { error_type, .. } => InitFailure::Error(error_type.clone()),
            Initialized::Exited(_) => InitFailure::Error("Runtime.ExitError".into()),
            Initialized::Unstartable { error_type, .. } => InitFailure::Error((*error_type).into()),
        };
        self.log.platform(&platform_log::init_report(micros_since(started), phase, &failure));
    }

    /// Waits for news from the sandbox; clears the readiness so that the caller must look for events now.
    pub(super) async fn control_readable(control: &UnixStream) -> std::io::Result<()> {
        control.readable().await?;
        let cleared: std::io::Result<()> =
            control.try_io(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
        match cleared {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes the sandbox's events; the exit of the runtime's process if it was among them.
    pub(super) fn runtime_exit(&mut self) -> Option<ExitStatus> {
        let mut runtime_exit = None;
        loop {
            match self.sandbox.next_event() {
                Ok(Some(sandbox::SandboxEvent::Exited { process, status, .. })) => {
                    if Some(process) == self.process {
                        self.process = None;
                        runtime_exit = Some(status);
                    }
                }
                Ok(None) => return runtime_exit,
                // The sandbox itself is gone, and with it the process.
                Err(_) => return runtime_exit.or_else(|| self.process.take().map(|_| ExitStatus::Signal(9))),
            }
        }
    }

    /// Kills what runs in the sandbox; the next invocation starts a runtime again. `/tmp` stays (L-10).
    pub(super) fn spoil(&mut self) {
        self.phase = Phase::Resetting;
        if let Err(error) = tokio::task::block_in_place(|| self.sandbox.kill_processes()) {
            tracing::warn!(
                environment = self.id,
                error = &error as &(dyn std::error::Error + 'static),
                "processes not killed"
            );
        }
        self.process = None;
        self.unreported_init_us = None;
        self.api.exchange.reset();
        self.phase = Phase::Spoiled;
    }
}

/// Why the program of `plan` could not be run, as AWS's own server words it.
fn unstartable(plan: &RuntimePlan, source: &std::io::Error) -> Initialized {
    let program = plan.argv.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let message = match source.kind() {
        std::io::ErrorKind::NotFound if program.ends_with("/bootstrap") => {
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
        }
        std::io::ErrorKind::NotFound => format!("fork/exec {program}: no such file or directory"),
        std::io::ErrorKind::PermissionDenied => format!("fork/exec {program}: permission denied"),
        _ if source.raw_os_error() == Some(EXEC_FORMAT) => format!("fork/exec {program}: exec format error"),
        _ => format!("fork/exec {program}: {source}"),
    };
    Initialized::Unstartable { error_type: "Runtime.InvalidEntrypoint", message }
}

/// Exit statuses of a shell whose command cannot be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// `ENOEXEC`: neither a program of this machine nor a script.
const EXEC_FORMAT: i32 = 8;

/// Microseconds since `start`.
pub(super) fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The reactor no longer watches the sandbox.
pub(super) fn control_broken(source: std::io::Error) -> SandboxError {
    SandboxError::Control { doing: "waiting for news of its processes", source }
}
