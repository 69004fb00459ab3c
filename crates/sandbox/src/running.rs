//! A sandbox that was built: starting, stopping and watching its processes.
//!
//! ```text
//!            freeze ─────► frozen ── thaw ──┐
//! alive ◄────────────────────────────────────┘
//!   │  a sandbox-level error, or the end of init
//!   └──────► dead: destroyed at once; every later call answers `Dead`
//! ```
//! Calls block for as long as the kernel takes, milliseconds that is; waiting for events does not: see
//! [`Sandbox::watched_by`].

mod starting;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cgroup::{Entrance, SandboxCgroup};
use crate::channel::{Channel, Received};
use crate::error::SandboxError;
use crate::event::{ProcessId, SandboxEvent, Signal};
use crate::init_process::{InitProcess, end_init};
use crate::layers::Layers;
use crate::limits::{KILL_TIMEOUT, START_PROCESS_TIMEOUT};
use crate::network::NetworkLease;
use crate::prepared::PreparedProcess;
use crate::protocol::{Command, Failure, Report};
use crate::sockets::{SandboxSockets, SocketMaker, WantedSocket};
use crate::spec::{Limits, SandboxSpec, SandboxUser};

/// A built sandbox. Dropping it ends everything that runs inside and removes what it left on the host.
#[derive(Debug)]
pub struct Sandbox {
    channel: Channel,
    init: InitProcess,
    cgroup: SandboxCgroup,
    sockets: SandboxSockets,
    /// Its number in the host's network, and who carries its traffic.
    _network: NetworkLease,
    /// Connections that nobody has taken yet.
    connections: VecDeque<(u16, TcpStream)>,
    /// Sockets that nobody has taken again yet.
    wanted: VecDeque<WantedSocket>,
    /// Events that came while something else was waited for.
    events: VecDeque<SandboxEvent>,
    processes_started: u32,
    /// A process without a program.
    prepared: Option<PreparedProcess>,
    /// Whether init was told to mount something, and has not answered.
    is_binding: bool,
    layers: Layers,
    user: SandboxUser,
    /// How many of its sockets are listeners.
    listen_ports: usize,
    frozen: bool,
    dead: bool,
}

impl Sandbox {
    pub(crate) fn new(
        channel: Channel,
        init: InitProcess,
        cgroup: SandboxCgroup,
        sockets: SandboxSockets,
        network: NetworkLease,
        (layers, spec): (Layers, &SandboxSpec),
    ) -> Sandbox {
        Sandbox {
            channel,
            init,
            cgroup,
            sockets,
            _network: network,
            connections: VecDeque::new(),
            wanted: VecDeque::new(),
            events: VecDeque::new(),
            processes_started: 0,
            prepared: None,
            is_binding: false,
            layers,
            user: spec.user.clone(),
            listen_ports: spec.listen_ports.len(),
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

    /// For when nothing is likely to come for a while: the caller has closed the listeners and datagram sockets that it took, each of which
    /// comes back by [`Sandbox::take_wanted`] as soon as somebody inside uses it. Then only one descriptor is left here.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn rest(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        self.send(&Command::Watch, &[], "resting")?;
        self.init.close();
        Ok(())
    }

    /// Sockets that were rested and that somebody inside wants; [`Sandbox::next_event`] finds them.
    pub fn take_wanted(&mut self) -> VecDeque<WantedSocket> {
        std::mem::take(&mut self.wanted)
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

    /// Makes its control groups as new, when all its processes are dead; see [`SandboxCgroup::clear`].
    pub(crate) fn clear_groups(&mut self, limits: &Limits) -> bool {
        self.cgroup.clear(limits, self.layers)
    }

    /// Makes the sandbox as new, in other control groups if some come along, when all its processes are dead and nobody has its sockets any
    /// more.
    pub(crate) fn renew(&mut self, groups: Option<(SandboxCgroup, Entrance)>) -> Result<(), SandboxError> {
        let doing = "renewing it";
        let (cgroup, entrance) = groups.unzip();
        let groups = entrance.as_ref().map(|entrance| (entrance.tasks.len(), entrance.group.is_some()));
        let handed: Vec<OwnedFd> = entrance.into_iter().flat_map(Entrance::into_descriptors).collect();
        let descriptors: Vec<_> = handed.iter().map(AsFd::as_fd).collect();
        self.send(&Command::Renew { groups }, &descriptors, doing)?;
        match self.answer(START_PROCESS_TIMEOUT, doing)? {
            (Report::Renewed, sockets) => {
                self.sockets = SandboxSockets::of(sockets, self.listen_ports);
                self.connections.clear();
                self.wanted.clear();
                self.events.clear();
                if let Some(cgroup) = cgroup {
                    // The old ones go: nobody is in them.
                    self.cgroup = cgroup;
                }
                Ok(())
            }
            (Report::Failed(failure), _) => Err(self.failed(failure)),
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Init, as a pidfd.
    pub(crate) fn init(&mut self) -> std::io::Result<BorrowedFd<'_>> {
        self.init.descriptor(&self.channel)
    }

    /// Who its processes run as.
    pub(crate) fn user(&self) -> &SandboxUser {
        &self.user
    }

    /// The way into its control groups.
    pub(crate) fn entrance(&self) -> Result<Entrance, SandboxError> {
        self.cgroup.entrance()
    }

    /// Sets other limits than those that the sandbox was built with; the bounds of single processes (open files) stay.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn limit(&mut self, limits: &Limits) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        self.cgroup.limit(limits, self.layers).inspect_err(|_| self.destroy())
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
        self.prepared = None;
        self.must_be_bound()?;
        self.send(&Command::KillProcesses, &[], doing)?;
        match self.answer(KILL_TIMEOUT + Duration::from_secs(1), doing)? {
            (Report::Killed, _) => Ok(()),
            (Report::Failed(failure), _) => Err(self.failed(failure)),
            _ => Err(self.broken(doing, unexpected())),
        }
    }

    /// Stops all processes until [`Sandbox::thaw`]. Where there is no freezer they run on.
    ///
    /// # Errors
    /// Any error destroys the sandbox.
    pub fn freeze(&mut self) -> Result<(), SandboxError> {
        self.must_be_alive()?;
        if let Some(memory) = self.cgroup.memory() {
            memory.close();
        }
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
                Ok(Received::Message(Report::Wanted { socket }, descriptors)) => {
                    self.keep_wanted(socket, descriptors);
                    continue;
                }
                Ok(Received::Nothing) => Ok(None),
                Ok(Received::End) => {
                    self.destroy();
                    Err(SandboxError::Dead)
                }
                // What nobody waits for: mounting something late.
                Ok(Received::Message(Report::Failed(failure), _)) => Err(self.failed(failure)),
                Ok(Received::Message(..)) => Err(self.broken("waiting for events", unexpected())),
                Err(error) => Err(self.broken("waiting for events", error)),
            };
        }
    }

    fn keep_connection(&mut self, port: u16, descriptors: Vec<OwnedFd>) {
        self.connections.extend(descriptors.into_iter().map(|connection| (port, connection.into())));
    }

    fn keep_wanted(&mut self, number: usize, descriptors: Vec<OwnedFd>) {
        let wanted = |descriptor| WantedSocket::of(number, self.listen_ports, descriptor);
        self.wanted.extend(descriptors.into_iter().map(wanted));
    }

    /// The most memory that all processes used together at a time since the sandbox was built, page cache
    /// included; `None` where the host does not count it.
    #[must_use]
    pub fn memory_peak_bytes(&mut self) -> Option<u64> {
        self.cgroup.memory().and_then(|memory| memory.peak_bytes().ok())
    }

    /// Has the kernel take back what of the memory can be read again: pages of files, and others where the operator has swap. For
    /// processes that will not run for long; a host that cannot goes without.
    pub fn page_out(&mut self) {
        if let Some(memory) = self.cgroup.memory() {
            memory.reclaim();
        }
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
        self.channel.send(command, descriptors).map_err(|error| self.broken(doing, error))
    }

    /// The next report that is no event, and its descriptors; events on the way are kept.
    fn answer(
        &mut self,
        timeout: Duration,
        doing: &'static str,
    ) -> Result<(Report, Vec<OwnedFd>), SandboxError> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.channel.receive::<Report>(Some(deadline)) {
                Ok(Received::Message(Report::Event(event), _)) => self.events.push_back(event),
                Ok(Received::Message(Report::Connection { port }, descriptors)) => {
                    self.keep_connection(port, descriptors);
                }
                Ok(Received::Message(Report::Wanted { socket }, descriptors)) => {
                    self.keep_wanted(socket, descriptors);
                }
                Ok(Received::Message(report, descriptors)) => return Ok((report, descriptors)),
                Ok(Received::Nothing) => return Err(self.broken(doing, std::io::ErrorKind::TimedOut.into())),
                Ok(Received::End) => return Err(self.broken(doing, std::io::ErrorKind::BrokenPipe.into())),
                Err(error) => return Err(self.broken(doing, error)),
            }
        }
    }

    /// After what failed inside it is not what it should be: it goes.
    fn failed(&mut self, failure: Failure) -> SandboxError {
        self.destroy();
        let source = failure.source();
        SandboxError::SetUp { stage: failure.stage, source }
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
        // An error means that it is gone.
        if let Ok(init) = self.init.descriptor(&self.channel) {
            end_init(&self.channel, init, self.layers);
        }
        // What is left is swept by the next start.
        let _ = self.cgroup.remove();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.destroy();
    }
}

fn unexpected() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::InvalidData)
}
