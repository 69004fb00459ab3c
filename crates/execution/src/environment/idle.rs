//! Waiting for a request: freezing after a moment, thawing on arrival, retiring after a long time (L-14, L-16).

use std::{sync::Arc, time::Duration};

use lambda_model::{
    environment::{Phase, ShutdownReason},
    limits,
};
use tokio::{sync::mpsc, time::Instant};

use super::{Environment, NextStep};
use crate::pool::{Pool, Request};

/// Of the idle time after which an environment is retired: whoever was not asked for so long is not likely to be asked in the next moment.
const PAGE_OUT_PART: u32 = 10;

/// What is done when nobody has asked for long enough.
enum Then {
    Freeze,
    Rest,
    PageOut,
    Retire,
}

impl Environment {
    /// Waits in the pool. Ends when the pool dropped this environment or it was idle too long.
    pub(super) async fn wait_for_request(
        &mut self,
        pool: &Arc<Pool>,
        mut requests: mpsc::Receiver<Request>,
    ) -> NextStep {
        let since = Instant::now();
        let freeze_at = since + Duration::from_millis(limits::FREEZE_AFTER_IDLE_MS);
        let mut rest_at = since + Duration::from_millis(limits::REST_AFTER_IDLE_MS);
        let mut retire_at = since + self.context.configuration.idle_retirement;
        let page_out_at = since + self.context.configuration.idle_retirement / PAGE_OUT_PART;
        let mut is_paged_out = false;
        loop {
            let (at, next) = match self.phase {
                Phase::Idle if !self.frozen => (freeze_at, Then::Freeze),
                Phase::Idle if !self.is_resting && rest_at < retire_at => (rest_at, Then::Rest),
                Phase::Idle if self.is_resting && !is_paged_out => (page_out_at, Then::PageOut),
                _ => (retire_at, Then::Retire),
            };
            // One that rings too early is set again then: in a stream of invocations it rings seldom, and is hardly ever set.
            if self.alarm.is_elapsed() || self.alarm.deadline() > at {
                self.alarm.as_mut().reset(at);
            }
            tokio::select! {
                biased;
                request = requests.recv() => {
                    return match request {
                        Some(request) if self.thaw() => NextStep::Serve(request),
                        Some(request) => {
                            self.give_back(pool, request);
                            NextStep::End
                        }
                        None => NextStep::End,
                    };
                }
                () = self.alarm.as_mut() => match next {
                    _ if Instant::now() < at => {}
                    Then::Freeze => self.freeze(),
                    Then::Rest => self.rest(),
                    Then::PageOut => {
                        is_paged_out = true;
                        // What can be read again is the host's meanwhile.
                        tokio::task::block_in_place(|| self.sandbox.page_out());
                    }
                    // Kept however long nobody comes.
                    Then::Retire if pool.is_provisioned && !self.is_old() => {
                        retire_at += self.context.configuration.idle_retirement;
                    }
                    Then::Retire if pool.withdraw(self.id) => return NextStep::End,
                    // A request is on its way already.
                    Then::Retire => retire_at += Duration::from_secs(1),
                },
                () = self.log.read_when_ready() => {}
                () = self.api.shared.extensions.changed() => {
                    if self.api.shared.extensions.internal_failure().is_some() {
                        self.reset(ShutdownReason::Failure).await;
                    }
                }
                exited = Self::control_readable(&self.control) => {
                    if exited.is_err() || self.next_exit().is_some() {
                        self.reset(ShutdownReason::Failure).await;
                    }
                    // Somebody may want what was given up.
                    rest_at = Instant::now() + Duration::from_millis(limits::REST_AFTER_IDLE_MS);
                }
            }
        }
    }

    /// Freezes all processes. An environment that cannot be frozen goes on running, as on a host without a freezer.
    fn freeze(&mut self) {
        self.launching = None;
        match self.sandbox.freeze() {
            Ok(()) => self.frozen = true,
            Err(error) => {
                tracing::warn!(
                    environment = self.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "not frozen"
                );
                self.frozen = true;
            }
        }
    }

    /// Lets the processes run again. False when the sandbox refuses: the environment must end.
    fn thaw(&mut self) -> bool {
        if !std::mem::take(&mut self.frozen) {
            return true;
        }
        match self.sandbox.thaw() {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(
                    environment = self.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "not thawed"
                );
                false
            }
        }
    }

    /// A request that this environment cannot serve goes to another one.
    fn give_back(&self, pool: &Arc<Pool>, request: Request) {
        if let Err(request) = pool.submit(request) {
            let error = lambda_model::LambdaError::Service("the function was updated".into());
            let _ = request.reply.send(Err(error));
        }
    }
}
