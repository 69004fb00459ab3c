//! The Shutdown phase, and the reset after a failure, which is one (L-09 to L-13).
//!
//! ```text
//! no extensions:   kill everything
//! extensions:      SIGTERM to the runtime ─► SIGKILL after its share of the time
//!                  SHUTDOWN to external extensions that asked for it, SIGKILL to the others ─► SIGKILL at the end of the time
//! ```
//! `/tmp` outlives a reset (L-10).

use std::time::Duration;

use lambda_model::{
    environment::{Phase, ShutdownReason},
    limits,
};
use sandbox::{SandboxError, Signal};
use tokio::time::Instant;

use super::{Environment, news::News};
use crate::clock;

impl Environment {
    /// Ends runtime and extensions; the next invocation starts them again.
    pub(super) async fn reset(&mut self, reason: ShutdownReason) {
        self.phase = Phase::Resetting;
        self.end_processes(reason).await;
        self.unreported_init_us = None;
        self.api.shared.runtime.reset();
        self.api.shared.extensions.begin([]);
        self.phase = Phase::Spoiled;
    }

    /// Lets extensions end by themselves, then kills what is left.
    pub(super) async fn end_processes(&mut self, reason: ShutdownReason) {
        if let Err(error) = self.shut_down_extensions(reason).await {
            self.warn(&error, "extensions not shut down");
        }
        if let Err(error) = tokio::task::block_in_place(|| self.sandbox.kill_processes()) {
            self.warn(&error, "processes not killed");
        }
        self.forget_processes();
    }

    async fn shut_down_extensions(&mut self, reason: ShutdownReason) -> Result<(), SandboxError> {
        if self.api.shared.extensions.are_none() {
            return Ok(());
        }
        self.sandbox.thaw()?;
        self.frozen = false;
        let budget_ms = if self.api.shared.extensions.any_external() {
            limits::SHUTDOWN_MS_WITH_EXTERNAL_EXTENSIONS
        } else {
            limits::SHUTDOWN_MS_WITH_INTERNAL_EXTENSIONS
        };
        let started = Instant::now();
        let runtime_ms = budget_ms * limits::SHUTDOWN_PER_CENT_OF_RUNTIME / 100;
        self.end_runtime(started + Duration::from_millis(runtime_ms)).await?;
        // What was collected reaches extensions before they are told of the end.
        self.log.drain();
        self.api.shared.telemetry.flush(Duration::from_millis(runtime_ms)).await;
        self.end_extensions(reason, started + Duration::from_millis(budget_ms)).await
    }

    async fn end_runtime(&mut self, deadline: Instant) -> Result<(), SandboxError> {
        let Some(process) = self.process else { return Ok(()) };
        self.sandbox.signal(process, Signal::Terminate)?;
        self.wait_for_exits(deadline, |environment| environment.process.is_none()).await?;
        match self.process {
            Some(process) => self.sandbox.signal(process, Signal::Kill),
            None => Ok(()),
        }
    }

    async fn end_extensions(
        &mut self,
        reason: ShutdownReason,
        deadline: Instant,
    ) -> Result<(), SandboxError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let deadline_ms = clock::unix_ms() + u64::try_from(left.as_millis()).unwrap_or(0);
        let told = self.api.shared.extensions.deliver_shutdown(reason, deadline_ms);
        let untold: Vec<_> = self
            .extensions
            .iter()
            .filter(|extension| !told.contains(&extension.name))
            .filter_map(|extension| extension.process)
            .collect();
        for process in untold {
            self.sandbox.signal(process, Signal::Kill)?;
        }
        self.wait_for_exits(deadline, |environment| {
            environment.extensions.iter().all(|extension| extension.process.is_none())
        })
        .await
    }

    /// Waits until `is_done`, or the time is up; whatever else happens no longer matters.
    async fn wait_for_exits(
        &mut self,
        deadline: Instant,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), SandboxError> {
        while !is_done(self) {
            if matches!(self.news(deadline).await?, News::TimeIsUp) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn warn(&self, error: &SandboxError, what: &'static str) {
        let error = error as &(dyn std::error::Error + 'static);
        tracing::warn!(environment = self.id, error, "{what}");
    }
}
