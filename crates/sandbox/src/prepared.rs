//! The server's end of a process that is all that one of the sandbox may be, but for its program.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use crate::channel::{Channel, Received};
use crate::error::SandboxError;
use crate::event::ProcessId;
use crate::limits::START_PROCESS_TIMEOUT;
use crate::protocol::{Failure, StartFailure};
use crate::spec::ProcessSpec;
use crate::waiting;

/// A process that waits for its program, and is gone when nobody can tell it one any more.
#[derive(Debug)]
pub(crate) struct PreparedProcess {
    id: ProcessId,
    channel: Channel,
    /// Whether its program waits for what init is mounting.
    waits: bool,
}

impl PreparedProcess {
    /// `channel` is where it waits.
    pub(crate) fn new(id: ProcessId, channel: OwnedFd) -> PreparedProcess {
        PreparedProcess { id, channel: Channel::from_fd(channel), waits: false }
    }

    /// Something is being mounted, which init will tell it of.
    pub(crate) fn wait_for_mounts(&mut self) {
        self.waits = true;
    }

    /// Tells it its program.
    pub(crate) fn launch(self, process: &ProcessSpec<'_>) -> Result<LaunchedProcess, SandboxError> {
        let unreadable =
            |source| SandboxError::StartProcess { stage: "reading arguments and environment".into(), source };
        let program = waiting::message(process, self.waits).map_err(unreadable)?;
        let streams: Vec<_> = [process.stdout, process.stderr].into_iter().chain(process.stdin).collect();
        match self.channel.send_bytes(&program, &streams) {
            // An argument vector that no packet can carry is the caller's fault, and nothing was sent.
            Err(source) if source.raw_os_error() == Some(libc::EMSGSIZE) => Err(SandboxError::StartProcess {
                stage: "arguments and environment are too large".into(),
                source,
            }),
            // It has ended already; what it said is still there.
            Err(error) if error.raw_os_error() != Some(libc::EPIPE) => Err(unheard(error)),
            _ => Ok(LaunchedProcess(self)),
        }
    }
}

/// A process on its way to its program. Its descriptor is readable when it is known what became of it.
#[derive(Debug)]
pub struct LaunchedProcess(PreparedProcess);

impl LaunchedProcess {
    /// Names the process, whether or not it comes to its program.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.0.id
    }

    /// Waits until the program runs.
    ///
    /// # Errors
    /// [`SandboxError::StartProcess`] and [`SandboxError::RunProgram`], which leave the sandbox as it was; any other when nothing is
    /// known of the process.
    pub fn wait(&self) -> Result<ProcessId, SandboxError> {
        let deadline = Instant::now() + START_PROCESS_TIMEOUT;
        match self.0.channel.receive::<StartFailure>(Some(deadline)).map_err(unheard)? {
            Received::Message(StartFailure::Program(failure), _) => {
                Err(SandboxError::RunProgram(failure.source()))
            }
            Received::Message(StartFailure::OnTheWay(failure), _) => Err(not_started(failure)),
            // One that was killed meanwhile is heard of as any process that ends.
            Received::End => Ok(self.0.id),
            Received::Nothing => Err(unheard(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl AsFd for LaunchedProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.channel.as_fd()
    }
}

fn unheard(source: io::Error) -> SandboxError {
    SandboxError::Control { doing: "starting a process", source }
}

/// The error of a process that did not come to its program.
pub(crate) fn not_started(failure: Failure) -> SandboxError {
    let source = failure.source();
    SandboxError::StartProcess { stage: failure.stage, source }
}
