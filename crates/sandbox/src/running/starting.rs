//! Starting processes of a sandbox: what is mounted for them late, one that waits for its program, and its launch.

use std::os::fd::AsFd;

use super::{Sandbox, unexpected};
use crate::error::SandboxError;
use crate::event::ProcessId;
use crate::limits::START_PROCESS_TIMEOUT;
use crate::mounts;
use crate::prepared::{LaunchedProcess, PreparedProcess, not_started};
use crate::protocol::{Command, Report};
use crate::spec::{Bind, ProcessSpec};

/// What is being done, in the words of an error.
const BINDING: &str = "mounting what comes late";

impl Sandbox {
    /// Shows files and directories of the host, as those of the specification are: on directories that are there already, before the
    /// first process that is not the caller's own. Does not wait until that is done; [`Sandbox::start_process`] does.
    ///
    /// # Errors
    /// Any error destroys the sandbox: it may be half built.
    pub fn bind(&mut self, binds: &[Bind]) -> Result<(), SandboxError> {
        self.must_be_bound()?;
        let trees = binds.iter().map(|bind| mounts::late_tree(&bind.source, self.layers));
        let trees = trees.collect::<Result<Vec<_>, _>>().map_err(|error| self.broken(BINDING, error))?;
        let targets = binds.iter().map(|bind| bind.target.clone()).collect();
        let descriptors: Vec<_> = trees.iter().map(AsFd::as_fd).collect();
        // The process that waits for its program hears of it from init itself, and nobody else has to wait.
        let is_answered = self.prepared.is_none();
        if !is_answered {
            self.init.move_aside(&self.channel);
        }
        self.send(&Command::Bind { targets, is_answered }, &descriptors, BINDING)?;
        self.is_binding = is_answered;
        self.prepared.iter_mut().for_each(PreparedProcess::wait_for_mounts);
        Ok(())
    }

    /// Waits until everything is where [`Sandbox::bind`] was told to show it.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn must_be_bound(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        if !std::mem::take(&mut self.is_binding) {
            return Ok(());
        }
        match self.answer(START_PROCESS_TIMEOUT, BINDING)? {
            (Report::Bound, _) => Ok(()),
            (Report::Failed(failure), _) => Err(self.failed(failure)),
            _ => Err(self.broken(BINDING, unexpected())),
        }
    }

    /// Makes the next process ahead of its program, so that [`Sandbox::start_process`] only has to run that. What is bound and limited
    /// meanwhile holds for it too.
    ///
    /// # Errors
    /// [`SandboxError::StartProcess`] leaves the sandbox as it was; any other destroys it.
    pub fn prepare_process(&mut self) -> Result<(), SandboxError> {
        self.prepared = Some(self.prepared(true)?);
        Ok(())
    }

    /// Whether [`Sandbox::launch`] waits for nobody.
    #[must_use]
    pub fn has_prepared_process(&self) -> bool {
        self.prepared.is_some()
    }

    /// A process that waits for its program.
    fn prepared(&mut self, is_ahead: bool) -> Result<PreparedProcess, SandboxError> {
        self.must_be_bound()?;
        self.init.move_anywhere(&self.channel);
        let doing = "making a process";
        let id = ProcessId(self.processes_started);
        self.processes_started += 1;
        self.send(&Command::Prepare { process: id, is_ahead }, &[], doing)?;
        match self.answer(START_PROCESS_TIMEOUT, doing)? {
            (Report::Prepared, descriptors) => match descriptors.into_iter().next() {
                Some(channel) => Ok(PreparedProcess::new(id, channel)),
                None => Err(self.broken(doing, unexpected())),
            },
            (Report::NotStarted(failure), _) => Err(not_started(failure)),
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Takes on a process that was forked into the sandbox and left to init.
    pub(crate) fn adopt(&mut self, pid: i32) -> Result<ProcessId, SandboxError> {
        let doing = "taking on a process";
        let id = ProcessId(self.processes_started);
        self.processes_started += 1;
        self.send(&Command::Adopt { process: id, pid }, &[], doing)?;
        match self.answer(START_PROCESS_TIMEOUT, doing)? {
            (Report::Adopted, _) => Ok(id),
            (Report::NotStarted(failure), _) => Err(not_started(failure)),
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Starts a process and waits until it runs its program.
    ///
    /// # Errors
    /// [`SandboxError::StartProcess`] and [`SandboxError::RunProgram`] leave the sandbox as it was; any other destroys it.
    pub fn start_process(&mut self, process: &ProcessSpec<'_>) -> Result<ProcessId, SandboxError> {
        let launched = self.launch(process)?;
        launched.wait().inspect_err(|error| {
            if matches!(error, SandboxError::Control { .. }) {
                self.destroy();
            }
        })
    }

    /// The first half of [`Sandbox::start_process`]: does not wait for the program, and for nobody at all when a process was prepared.
    ///
    /// # Errors
    /// As above.
    pub fn launch(&mut self, process: &ProcessSpec<'_>) -> Result<LaunchedProcess, SandboxError> {
        self.must_be_alive()?;
        self.thaw()?;
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => self.prepared(false)?,
        };
        self.must_be_bound()?;
        let launched = prepared.launch(process);
        // While the process takes its program's place.
        self.init.move_anywhere(&self.channel);
        launched
    }
}
