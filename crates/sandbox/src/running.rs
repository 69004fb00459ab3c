//! A sandbox that was built: starting, stopping and watching its processes.
//!
//! ```text
//!            freeze ─────► frozen ── thaw ──┐
//! alive ◄────────────────────────────────────┘
//!   │  a sandbox-level error, or the end of init
//!   └──────► dead: destroyed at once; every later call answers `Dead`
//! ```
//! Calls block for as long as the kernel takes, milliseconds that is; waiting for events does not: see
//! [`Sandbox::control_fd`].

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Signal as KernelSignal, pidfd_send_signal};

use crate::cgroup::SandboxCgroup;
use crate::channel::{Channel, Received, wait_readable};
use crate::error::SandboxError;
use crate::event::{ProcessId, SandboxEvent, Signal};
use crate::layers::{Layer, Layers};
use crate::limits::{KILL_TIMEOUT, START_PROCESS_TIMEOUT};
use crate::mounts;
use crate::network::NetworkLease;
use crate::protocol::{Command, Program, Report, StartFailure};
use crate::sockets::SocketMaker;
use crate::spec::{Bind, Limits, ProcessSpec};

/// Sockets that init made and handed over.
#[derive(Debug, Default)]
pub(crate) struct SandboxSockets {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) datagram: Vec<UdpSocket>,
}

/// A built sandbox. Dropping it ends everything that runs inside and removes what it left on the host.
#[derive(Debug)]
pub struct Sandbox {
    channel: Channel,
    /// Of init: readable when it is gone.
    init: OwnedFd,
    cgroup: SandboxCgroup,
    sockets: SandboxSockets,
    /// Its number in the host's network, and who carries its traffic.
    _network: NetworkLease,
    /// Connections that nobody has taken yet.
    connections: VecDeque<(u16, TcpStream)>,
    /// Events that came while something else was waited for.
    events: VecDeque<SandboxEvent>,
    processes_started: u32,
    layers: Layers,
    frozen: bool,
    dead: bool,
}

impl Sandbox {
    pub(crate) fn new(
        channel: Channel,
        init: OwnedFd,
        cgroup: SandboxCgroup,
        sockets: SandboxSockets,
        network: NetworkLease,
        layers: Layers,
    ) -> Sandbox {
        Sandbox {
            channel,
            init,
            cgroup,
            sockets,
            _network: network,
            connections: VecDeque::new(),
            events: VecDeque::new(),
            processes_started: 0,
            layers,
            frozen: false,
            dead: false,
        }
    }

    /// The listeners of the specification, in its order; empty after the first call.
    pub fn take_listeners(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.sockets.listeners)
    }

    /// The same for what takes datagrams.
    pub fn take_datagram_sockets(&mut self) -> Vec<UdpSocket> {
        std::mem::take(&mut self.sockets.datagram)
    }

    /// Connections to the accepted ports, with the port; [`Sandbox::next_event`] finds them. While those
    /// that wait are not taken, others wait inside.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn take_connections(&mut self) -> Result<VecDeque<(u16, TcpStream)>, SandboxError> {
        let taken = std::mem::take(&mut self.connections);
        if !taken.is_empty() {
            self.send(&Command::Taken { connections: taken.len() }, &[], "taking connections")?;
        }
        Ok(taken)
    }

    /// What becomes readable when [`Sandbox::next_event`] has something to say, the end of the sandbox included: `watch` makes of it
    /// what a reactor can wait for.
    ///
    /// # Errors
    /// Those of `watch`, and when there is no room for a descriptor for a moment.
    pub fn watched_by<T: AsFd + Debug + Send + Sync + 'static>(
        &mut self,
        watch: impl FnOnce(OwnedFd) -> std::io::Result<T>,
    ) -> std::io::Result<Arc<T>> {
        self.channel.held_by(watch)
    }

    /// Shows files and directories of the host, as those of the specification are: on directories that are there already, before the
    /// first process that is not the caller's own.
    ///
    /// # Errors
    /// Any error destroys the sandbox: it may be half built.
    pub fn bind(&mut self, binds: &[Bind]) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        let doing = "mounting what comes late";
        let trees = binds.iter().map(|bind| mounts::late_tree(&bind.source, self.layers));
        let trees = trees.collect::<Result<Vec<_>, _>>().map_err(|error| self.broken(doing, error))?;
        let targets = binds.iter().map(|bind| bind.target.clone()).collect();
        let descriptors: Vec<_> = trees.iter().map(AsFd::as_fd).collect();
        self.send(&Command::Bind { targets }, &descriptors, doing)?;
        match self.answer(START_PROCESS_TIMEOUT, doing)? {
            Report::Bound => Ok(()),
            Report::Failed(failure) => {
                self.destroy();
                let source = failure.source();
                Err(SandboxError::SetUp { stage: failure.stage, source })
            }
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Makes the next process ahead of its program, so that [`Sandbox::start_process`] only has to run that. What is bound and limited
    /// meanwhile holds for it too.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn prepare_process(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        self.send(&Command::Prepare, &[], "preparing a process")
    }

    /// Sets other limits than those that the sandbox was built with; the bounds of single processes (open files) stay.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn limit(&mut self, limits: &Limits) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        self.cgroup.limit(limits, self.layers).inspect_err(|_| self.destroy())
    }

    /// Starts a process and waits until it runs its program.
    ///
    /// # Errors
    /// [`SandboxError::StartProcess`] and [`SandboxError::RunProgram`] leave the sandbox as it was; any other destroys it.
    pub fn start_process(&mut self, process: &ProcessSpec<'_>) -> Result<ProcessId, SandboxError> {
        self.must_be_alive()?;
        self.thaw()?;
        let id = ProcessId(self.processes_started);
        self.processes_started += 1;
        let program = Program {
            argv: process.argv.clone(),
            env: process.env.clone(),
            cwd: process.cwd.clone(),
            stdout_again: process.stdout_again,
        };
        let command = Command::Start { process: id, program };
        let doing = "starting a process";
        let streams = [process.stdout, process.stderr].into_iter().chain(process.stdin);
        self.send(&command, &streams.collect::<Vec<_>>(), doing)?;
        match self.answer(START_PROCESS_TIMEOUT, doing)? {
            Report::Started => Ok(id),
            Report::NotStarted(StartFailure::Program(failure)) => {
                Err(SandboxError::RunProgram(failure.source()))
            }
            Report::NotStarted(StartFailure::OnTheWay(failure)) => {
                let source = failure.source();
                Err(SandboxError::StartProcess { stage: failure.stage, source })
            }
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Sends a signal to a process; one that is gone does not mind.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn signal(&mut self, process: ProcessId, signal: Signal) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        self.send(&Command::Signal { process, number: signal.number() }, &[], "sending a signal")
    }

    /// Whoever has this makes sockets of the sandbox's network.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn socket_maker(&mut self) -> Result<SocketMaker, SandboxError> {
        self.must_be_alive()?;
        let doing = "asking for sockets";
        let (ours, its) = Channel::pair().map_err(|error| self.broken(doing, error))?;
        self.send(&Command::ServeSockets, &[its.as_fd()], doing)?;
        Ok(SocketMaker::new(ours))
    }

    /// Kills every process inside and waits until none is left. `/tmp` and the listeners stay.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn kill_processes(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        // Frozen, a process of cgroup v1 does not even die. The groups stay, so `cgroup.kill` is not for here: Linux 6.14 and what took
        // its fix over kill every process that is started into a group which was once killed.
        self.thaw()?;
        let doing = "killing its processes";
        self.send(&Command::KillProcesses, &[], doing)?;
        match self.answer(KILL_TIMEOUT + Duration::from_secs(1), doing)? {
            Report::Killed => Ok(()),
            Report::Failed(failure) => {
                self.destroy();
                let source = failure.source();
                Err(SandboxError::SetUp { stage: failure.stage, source })
            }
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Stops all processes until [`Sandbox::thaw`]. Where there is no freezer they run on.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn freeze(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        let Some(freezer) = self.cgroup.freezer().filter(|_| !self.frozen) else { return Ok(()) };
        match freezer.freeze() {
            Ok(()) => {
                self.frozen = true;
                Ok(())
            }
            Err(error) => Err(self.broken("freezing", error)),
        }
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn thaw(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        if !std::mem::take(&mut self.frozen) {
            return Ok(());
        }
        match self.cgroup.freezer().map_or(Ok(()), |freezer| freezer.thaw()) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.broken("thawing", error)),
        }
    }

    /// What happened inside since the last call; never blocks.
    ///
    /// # Errors
    /// [`SandboxError::Dead`] when the sandbox has ended.
    pub fn next_event(&mut self) -> Result<Option<SandboxEvent>, SandboxError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        self.must_be_alive()?;
        loop {
            return match self.channel.try_receive::<Report>() {
                Ok(Received::Message(Report::Event(event), _)) => Ok(Some(event)),
                Ok(Received::Message(Report::Connection { port }, descriptors)) => {
                    self.keep_connection(port, descriptors);
                    continue;
                }
                Ok(Received::Nothing) => Ok(None),
                Ok(Received::End) => {
                    self.destroy();
                    Err(SandboxError::Dead)
                }
                Ok(Received::Message(..)) => Err(self.broken("waiting for events", unexpected())),
                Err(error) => Err(self.broken("waiting for events", error)),
            };
        }
    }

    fn keep_connection(&mut self, port: u16, descriptors: Vec<OwnedFd>) {
        self.connections.extend(descriptors.into_iter().map(|connection| (port, connection.into())));
    }

    /// The most memory that all processes used together at a time since the sandbox was built, page cache
    /// included; `None` where the host does not count it.
    #[must_use]
    pub fn memory_peak_bytes(&self) -> Option<u64> {
        self.cgroup.memory().and_then(|memory| memory.peak_bytes().ok())
    }

    fn must_be_alive(&self) -> Result<(), SandboxError> {
        if self.dead { Err(SandboxError::Dead) } else { Ok(()) }
    }

    fn send(
        &mut self,
        command: &Command,
        descriptors: &[BorrowedFd<'_>],
        doing: &'static str,
    ) -> Result<(), SandboxError> {
        match self.channel.send(command, descriptors) {
            Ok(()) => Ok(()),
            // An argument vector that no packet can carry is the caller's fault, and nothing was sent.
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => Err(SandboxError::StartProcess {
                stage: "arguments and environment are too large".into(),
                source: error,
            }),
            Err(error) => Err(self.broken(doing, error)),
        }
    }

    /// The next report that is no event; events on the way are kept.
    fn answer(&mut self, timeout: Duration, doing: &'static str) -> Result<Report, SandboxError> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.channel.receive::<Report>(Some(deadline)) {
                Ok(Received::Message(Report::Event(event), _)) => self.events.push_back(event),
                Ok(Received::Message(Report::Connection { port }, descriptors)) => {
                    self.keep_connection(port, descriptors);
                }
                Ok(Received::Message(report, _)) => return Ok(report),
                Ok(Received::Nothing) => return Err(self.broken(doing, std::io::ErrorKind::TimedOut.into())),
                Ok(Received::End) => return Err(self.broken(doing, std::io::ErrorKind::BrokenPipe.into())),
                Err(error) => return Err(self.broken(doing, error)),
            }
        }
    }

    /// After an error of the sandbox itself nothing is known of it: it goes.
    fn broken(&mut self, doing: &'static str, source: std::io::Error) -> SandboxError {
        self.destroy();
        SandboxError::Control { doing, source }
    }

    fn destroy(&mut self) {
        if std::mem::replace(&mut self.dead, true) {
            return;
        }
        if !self.cgroup.kill()
            && let Some(freezer) = self.cgroup.freezer()
        {
            // Also when we never froze it: a frozen process of v1 does not die.
            let _ = freezer.thaw();
        }
        end_init(&self.channel, &self.init, self.layers);
        // What is left is swept by the next start.
        let _ = self.cgroup.remove();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// Ends init and waits until it is gone. Where its end is not the end of its processes it is asked to end them.
pub(crate) fn end_init(channel: &Channel, init: &OwnedFd, layers: Layers) {
    if !layers.contains(Layer::PidNamespace) && channel.send(&Command::End, &[]).is_ok() {
        let _ = wait_readable(&[init.as_fd()], Some(KILL_TIMEOUT));
    }
    let _ = pidfd_send_signal(init, KernelSignal::KILL);
    let _ = wait_readable(&[init.as_fd()], Some(KILL_TIMEOUT));
}

fn unexpected() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::InvalidData)
}
