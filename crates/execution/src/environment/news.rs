//! What the driver of an environment waits for, in one place.

use lambda_model::platform_log::PlatformEvent;
use sandbox::SandboxError;
use tokio::time::Instant;

use super::{Environment, processes::Exit};
use crate::{runtime_api::RuntimeEvent, telemetry_api::MakeSockets};

/// Something happened.
pub(super) enum News {
    /// The runtime called.
    Runtime(RuntimeEvent),
    /// An extension called.
    Extensions,
    /// A process ended.
    Exit(Exit),
    /// The time is up.
    TimeIsUp,
}

impl Environment {
    /// Waits for the next news, and meanwhile reads what is printed. What was said comes before the end of whoever said it.
    ///
    /// # Errors
    /// When the sandbox is no longer heard of.
    pub(super) async fn news(&mut self, deadline: Instant) -> Result<News, SandboxError> {
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => {
                    return Ok(event.map_or(News::TimeIsUp, News::Runtime));
                }
                () = self.api.shared.extensions.changed() => {
                    self.provide_sockets()?;
                    return Ok(News::Extensions);
                }
                Some(subscription) = self.subscriptions.recv() => {
                    self.log.tell(&PlatformEvent::Subscription(subscription));
                }
                () = tokio::time::sleep_until(deadline) => return Ok(News::TimeIsUp),
                readable = Self::control_readable(&self.control), if !self.has_exits => {
                    readable.map_err(control_broken)?;
                    self.has_exits = true;
                }
                () = std::future::ready(()), if self.has_exits => match self.next_exit() {
                    Some(exit) => return Ok(News::Exit(exit)),
                    None => self.has_exits = false,
                },
                () = self.log.read_when_ready() => {}
            }
        }
    }

    /// Whoever registers may subscribe to telemetry, which then goes to where it listens.
    fn provide_sockets(&mut self) -> Result<(), SandboxError> {
        let sandbox = &mut self.sandbox;
        self.api
            .shared
            .telemetry
            .provide_sockets(|| sandbox.socket_maker().map(|maker| Box::new(maker) as Box<dyn MakeSockets>))
    }
}

/// The reactor no longer watches the sandbox.
pub(super) fn control_broken(source: std::io::Error) -> SandboxError {
    SandboxError::Control { doing: "waiting for news of its processes", source }
}
