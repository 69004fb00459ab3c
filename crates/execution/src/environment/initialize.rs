//! The Init phase: before any invocation with a limit of its own, or inside one under the function's timeout (L-02, L-05).

use std::time::Duration;

use hyper::body::Bytes;
use lambda_model::{
    environment::Phase,
    limits,
    platform_log::{self, InitFailure, InitPhase},
};
use sandbox::{ExitStatus, ProcessSpec, SandboxError};
use tokio::{io::unix::AsyncFd, time::Instant};

use super::Environment;
use crate::runtime_api::RuntimeEvent;

/// How an initialization ended.
pub(super) enum Initialized {
    /// The runtime waits for an event.
    Ready,
    /// It reported an error: its type and its own words.
    Error { error_type: String, body: Bytes },
    /// Its process ended.
    Exited(ExitStatus),
    /// The time was up.
    TimedOut,
}

impl Environment {
    /// The Init phase of a new environment. A failure spoils the runtime; the first invocation tries again.
    pub(super) async fn initialize(&mut self) {
        self.log.platform(&platform_log::init_start(
            &self.plan.runtime_version,
            &self.plan.runtime_version_arn,
        ));
        let started = Instant::now();
        let deadline = started + Duration::from_millis(limits::INIT_TIMEOUT_MS);
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
                tracing::error!(environment = self.id, %error, "runtime not started");
                self.spoil();
            }
        }
    }

    /// Starts the runtime's process and waits until it asks for its first event.
    pub(super) async fn start_runtime(&mut self, deadline: Instant) -> Result<Initialized, SandboxError> {
        self.api.exchange.reset();
        while self.events.try_recv().is_ok() {}
        let process = ProcessSpec {
            argv: self.plan.argv.clone(),
            env: self.variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: self.plan.working_directory.clone(),
            stdout: std::os::fd::AsFd::as_fd(&self.log_writer),
            stderr: std::os::fd::AsFd::as_fd(&self.log_writer),
        };
        self.process = Some(self.sandbox.start_process(process)?);
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
                    exited.map_err(SandboxError::from)?;
                    if let Some(status) = self.runtime_exit() {
                        return Ok(self.exit_or_what_was_said_before(status));
                    }
                }
                () = self.log.read_when_ready() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Initialized::TimedOut),
            }
        }
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
        };
        self.log.platform(&platform_log::init_report(micros_since(started), phase, &failure));
    }

    /// Waits for news from the sandbox; clears the readiness so that the caller must look for events now.
    pub(super) async fn control_readable(control: &AsyncFd<std::os::fd::OwnedFd>) -> std::io::Result<()> {
        control.readable().await?.clear_ready();
        Ok(())
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
        if let Err(error) = self.sandbox.kill_processes() {
            tracing::warn!(environment = self.id, %error, "processes not killed");
        }
        self.process = None;
        self.unreported_init_us = None;
        self.api.exchange.reset();
        self.phase = Phase::Spoiled;
    }
}

/// Microseconds since `start`.
pub(super) fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
