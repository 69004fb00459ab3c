//! The Init phase: before any invocation with a limit of its own, or inside one under the function's timeout (L-01, L-02, L-05).
//!
//! ```text
//! start external extensions ─► all registered ─► start runtime ─► runtime waits ─► all extensions wait ─► Ready
//! ```
//! An extension that ends, or says that it failed, fails the whole (X-08).

use std::{io::ErrorKind, time::Duration};

use hyper::body::Bytes;
use lambda_model::{
    environment::{Phase, ShutdownReason},
    limits,
    platform_log::{InitEnd, InitPhase, InitStart, PlatformEvent, Status},
};
use sandbox::{ExitStatus, SandboxError};
use tokio::time::Instant;

use super::{
    Environment,
    news::News,
    outcome::{describe_exit, unstartable_program},
    processes::{Exit, Launching},
};
use crate::runtime_api::RuntimeEvent;

/// How an initialization ended.
pub(super) enum Initialized {
    /// Runtime and extensions wait for an event.
    Ready,
    /// The runtime reported an error: its type and its own words.
    Error { error_type: String, body: Bytes },
    /// Its process ended.
    Exited(ExitStatus),
    /// A program could not be run (E-05), or an extension failed.
    Failed {
        /// Such as `Runtime.InvalidEntrypoint`.
        error_type: &'static str,
        /// Why, in the words of AWS's own server.
        message: String,
    },
    /// The time was up.
    TimedOut,
}

/// Exit statuses of a shell whose command cannot be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// `ENOEXEC`: neither a program of this machine nor a script.
pub(super) const EXEC_FORMAT: i32 = 8;

impl Environment {
    /// The Init phase of a new environment. A failure spoils the runtime; the first invocation tries again.
    pub(super) async fn initialize(&mut self, timeout: Duration) {
        let started = Instant::now();
        match self.run_init(InitPhase::Init, started + timeout).await {
            Ok(Initialized::Ready) => {
                self.phase = Phase::Idle;
                self.unreported_init_us = Some(micros_since(started));
            }
            Ok(_) => self.reset(ShutdownReason::Failure).await,
            Err(error) => {
                tracing::error!(
                    environment = self.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "runtime not started"
                );
                self.reset(ShutdownReason::Failure).await;
            }
        }
    }

    /// Initialises extensions and runtime, and tells of it.
    pub(super) async fn run_init(
        &mut self,
        phase: InitPhase,
        deadline: Instant,
    ) -> Result<Initialized, SandboxError> {
        let started = Instant::now();
        self.forget_last_init();
        let initialized = self.start_processes(phase, deadline).await?;
        let runtime_done = self.init_end(phase, &initialized, started);
        self.log.tell(&PlatformEvent::InitRuntimeDone(runtime_done));
        let initialized = match initialized {
            Initialized::Ready => self.wait_for_extensions(deadline).await?,
            failed => failed,
        };
        for extension in self.api.shared.extensions.inits() {
            self.log.tell(&PlatformEvent::Extension(extension));
        }
        let report = self.init_end(phase, &initialized, started);
        self.log.tell(&PlatformEvent::InitReport(report));
        Ok(initialized)
    }

    /// Starts extensions, then the runtime, and waits until that asks for its first event.
    async fn start_processes(
        &mut self,
        phase: InitPhase,
        deadline: Instant,
    ) -> Result<Initialized, SandboxError> {
        let is_alone = self.extensions.is_empty();
        if !is_alone {
            self.tell_init_start(phase);
            if let Some(failed) = self.start_extensions(deadline).await? {
                return Ok(failed);
            }
        }
        let launched = self.start_runtime_process().await;
        if is_alone {
            // Only now: nobody has printed anything, and the process is what somebody waits for.
            self.tell_init_start(phase);
        }
        self.wait_for_runtime(launched, deadline).await
    }

    fn forget_last_init(&mut self) {
        self.log.drain();
        self.api.shared.runtime.reset();
        let names = self.extensions.iter().map(|extension| extension.name.clone());
        self.api.shared.extensions.begin(names);
        self.api.shared.telemetry.begin();
        while self.events.try_recv().is_ok() {}
    }

    /// Starts external extensions and waits until they have registered. `Some` when that failed.
    async fn start_extensions(&mut self, deadline: Instant) -> Result<Option<Initialized>, SandboxError> {
        for index in 0..self.extensions.len() {
            if let Some(failed) = self.start_extension(index).await? {
                return Ok(Some(failed));
            }
        }
        while !self.api.shared.extensions.all_registered() {
            let news = self.news(deadline).await?;
            if let Some(failed) = self.init_failure(&news) {
                return Ok(Some(failed));
            }
        }
        Ok(None)
    }

    async fn start_extension(&mut self, index: usize) -> Result<Option<Initialized>, SandboxError> {
        let (error_type, message) = if index >= limits::EXTENSIONS_MAX {
            ("TooManyExtensions", "ErrTooManyExtensions".to_owned())
        } else {
            match self.start_extension_process(index).await {
                Ok(()) => return Ok(None),
                Err(SandboxError::RunProgram(source)) => {
                    let is_forbidden = source.kind() == ErrorKind::PermissionDenied;
                    let kind = if is_forbidden { "PermissionDenied" } else { "UnknownError" };
                    let program = self.extensions.get(index).map(|extension| extension.program.clone());
                    (kind, unstartable_program(&program.unwrap_or_default(), &source))
                }
                Err(error) => return Err(error),
            }
        };
        if let Some(extension) = self.extensions.get(index) {
            self.api.shared.extensions.launch_failed(&extension.name, error_type);
        }
        Ok(Some(Initialized::Failed { error_type: "Extension.LaunchError", message }))
    }

    /// Waits until the runtime asks for its first event.
    async fn wait_for_runtime(
        &mut self,
        launched: Result<Option<Launching>, SandboxError>,
        deadline: Instant,
    ) -> Result<Initialized, SandboxError> {
        let mut launching = match launched {
            Ok(launching) => launching,
            Err(error) => return self.not_launched(error),
        };
        loop {
            let news = tokio::select! {
                biased;
                news = self.news(deadline) => news?,
                error = failure_of(&mut launching) => return self.not_launched(error),
            };
            if matches!(news, News::Runtime(RuntimeEvent::Ready)) {
                // From now on nobody registers (X-04).
                self.api.shared.extensions.close();
                self.launching = launching;
                return Ok(Initialized::Ready);
            }
            if matches!(news, News::Exit(Exit::Runtime(_)))
                && let Some(error) = launching.as_ref().and_then(Launching::failure_of_ended)
            {
                return self.not_launched(error);
            }
            if let Some(failed) = self.init_failure(&news) {
                return Ok(failed);
            }
        }
    }

    /// The runtime's process does not run its program: the function's fault, or the sandbox's.
    fn not_launched(&mut self, error: SandboxError) -> Result<Initialized, SandboxError> {
        self.process = None;
        match error {
            SandboxError::RunProgram(source) => Ok(self.unstartable(&source)),
            error => Err(error),
        }
    }

    async fn wait_for_extensions(&mut self, deadline: Instant) -> Result<Initialized, SandboxError> {
        while !self.api.shared.extensions.all_ready() {
            let news = self.news(deadline).await?;
            if let Some(failed) = self.init_failure(&news) {
                return Ok(failed);
            }
        }
        // Whoever subscribed did so before it was ready; a runtime that waited for its function is faster than the news of it.
        while let Ok(subscription) = self.subscriptions.try_recv() {
            self.log.tell(&PlatformEvent::Subscription(subscription));
        }
        self.api.shared.telemetry.close();
        Ok(Initialized::Ready)
    }

    /// What ends an initialization badly.
    fn init_failure(&mut self, news: &News) -> Option<Initialized> {
        match news {
            News::Runtime(RuntimeEvent::InitError { error_type, body }) => {
                Some(Initialized::Error { error_type: error_type.clone(), body: body.clone() })
            }
            News::Exit(Exit::Runtime(status)) => Some(self.exit_or_what_was_said_before(*status)),
            News::Exit(Exit::Extension(status)) => {
                Some(extension_failed(self.api.shared.extensions.failure(), *status))
            }
            News::Extensions => {
                let error_type = self.api.shared.extensions.internal_failure()?;
                Some(Initialized::Failed { error_type, message: error_type.to_owned() })
            }
            News::TimeIsUp => Some(Initialized::TimedOut),
            News::Runtime(_) => None,
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

    /// The function has no program that can be run. A wrapper script that is missing or no program ends the runtime, as the shell
    /// that starts it on Lambda does.
    fn unstartable(&mut self, source: &std::io::Error) -> Initialized {
        let program = self.plan.argv.first().cloned().unwrap_or_default();
        let failed = Initialized::Failed {
            error_type: "Runtime.InvalidEntrypoint",
            message: unstartable_program(&program, source),
        };
        let (why, code) = match source.kind() {
            _ if !self.plan.is_wrapped => return failed,
            ErrorKind::NotFound => ("does not exist", NOT_FOUND),
            ErrorKind::PermissionDenied => ("is not an executable", NOT_EXECUTABLE),
            _ if source.raw_os_error() == Some(EXEC_FORMAT) => ("is not an executable", NOT_EXECUTABLE),
            _ => return failed,
        };
        self.log.platform(&format!("{}: {why}\n", program.to_string_lossy()));
        Initialized::Exited(ExitStatus::Code(code))
    }

    fn tell_init_start(&mut self, phase: InitPhase) {
        let settings = &self.version.configuration;
        let start = InitStart {
            initialization_type: self.initialization.as_str(),
            phase,
            runtime_version: self.plan.runtime_version.clone(),
            runtime_version_arn: self.plan.runtime_version_arn.clone(),
            function_name: self.version.key.name.clone(),
            function_version: self.version.version.clone(),
            instance_id: self.instance_id.clone(),
            instance_max_memory: u64::try_from(settings.memory_size_mb).unwrap_or(0) << 20,
        };
        self.log.tell_next(&PlatformEvent::InitStart(start));
    }

    fn init_end(&self, phase: InitPhase, initialized: &Initialized, started: Instant) -> InitEnd {
        InitEnd {
            initialization_type: self.initialization.as_str(),
            phase,
            status: initialized.status(),
            duration_us: micros_since(started),
        }
    }
}

/// Waits for ever where nothing is launched, or nothing fails.
async fn failure_of(launching: &mut Option<Launching>) -> SandboxError {
    match launching {
        Some(launching) => launching.failure().await,
        None => std::future::pending().await,
    }
}

impl Initialized {
    fn status(&self) -> Status {
        match self {
            Self::Ready => Status::Success,
            Self::TimedOut => Status::Timeout,
            Self::Error { error_type, .. } => Status::Error(error_type.clone()),
            Self::Exited(_) => Status::Error("Runtime.ExitError".into()),
            Self::Failed { error_type, .. } => Status::Error((*error_type).into()),
        }
    }
}

/// The end of an extension's process, as AWS's own server words it.
fn extension_failed(error_type: &'static str, status: ExitStatus) -> Initialized {
    let message = describe_exit(status).unwrap_or_else(|| "exit code 0".into());
    Initialized::Failed { error_type, message }
}

/// Microseconds since `start`.
pub(super) fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
