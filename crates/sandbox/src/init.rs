//! The first process of a sandbox: forked from the spawner, never replaced by another program.
//!
//! ```text
//! forked ──► [user namespace: wait for Mapped] ──► set-up ──► Ready ──► serving ──► End, or the channel's end
//!                                                     └────► Failed, gone
//! ```
//! Init stays outside the control groups of the processes that it starts: it is not frozen with them and cannot
//! become the victim of their memory limit. When it goes, the kernel kills everything in its process namespace.

mod kept;
pub(crate) mod processes;
mod renew;
mod serve;

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use rustix::process::{Pid, set_child_subreaper, set_parent_process_death_signal};

use crate::cgroup::Entrance;
use crate::channel::{Channel, Received};
use crate::layers::Layer;
use crate::network::{inside, refusals};
use crate::protocol::{Command, Create, Failure, Network, Report, Stage};
use crate::seccomp::Filters;
use crate::waiting::Waiting;
use crate::{identity, mounts, syscalls};

/// What was made ahead for the sandbox.
pub(crate) struct Joined {
    /// The mount for `/tmp`.
    pub(crate) storage: Option<OwnedFd>,
    /// The network namespace.
    pub(crate) network: Option<OwnedFd>,
}

/// The sockets that init made.
struct Sockets {
    /// For the server.
    handed_over: Vec<OwnedFd>,
    /// Where init itself accepts, with the port that was asked for.
    accepting: Vec<(u16, OwnedFd)>,
}

/// What init was forked with.
pub(crate) struct Init<'a> {
    pub(crate) create: Create,
    pub(crate) channel: Channel,
    pub(crate) entrance: Entrance,
    pub(crate) filters: &'a Filters,
    /// What its processes are until they have a program.
    pub(crate) waiting: &'a Waiting,
}

impl Init<'_> {
    /// The whole life of init.
    pub(crate) fn run(mut self, joined: Joined) -> ! {
        match self.set_up(joined) {
            Ok(sockets) => {
                let descriptors: Vec<_> = sockets.handed_over.iter().map(AsFd::as_fd).collect();
                if self.channel.send(&Report::Ready, &descriptors).is_ok() {
                    serve::serve(&mut self, sockets);
                }
            }
            Err(failure) => {
                // Nobody is left to tell when this fails.
                let _ = self.channel.send(&Report::Failed(failure), &[]);
            }
        }
        syscalls::exit_now(0)
    }

    /// Builds the sandbox around this process and returns its sockets.
    fn set_up(&self, Joined { storage, network }: Joined) -> Result<Sockets, Failure> {
        die_with_parent()?;
        reset_signals()?;
        let (create, layers) = (&self.create, self.create.layers);
        if create.identity.has_user_namespace() {
            self.wait_for_maps()?;
        }
        if layers.contains(Layer::PidNamespace) {
            let first = rustix::process::getpid().is_init();
            first
                .then_some(())
                .ok_or_else(|| std::io::Error::other("not process 1"))
                .stage(|| "checking the namespace")?;
        } else {
            // Orphans come to init all the same.
            set_child_subreaper(Some(rustix::process::getpid())).stage(|| "becoming a subreaper")?;
        }
        if layers.contains(Layer::UtsNamespace) {
            rustix::system::sethostname(create.spec.hostname.as_bytes()).stage(|| "setting the host name")?;
        }
        if let Some(network) = network {
            setns(network, CloneFlags::CLONE_NEWNET).stage(|| "joining the network")?;
        }
        if let (Network::Carried { own_addresses }, Some(gateway)) = (&create.network, create.host_address) {
            refusals::refuse(&create.spec.network, gateway, own_addresses).stage(|| "refusing networks")?;
        }
        if layers.contains(Layer::NetworkNamespace) {
            inside::bring_up(create.spec.address).stage(|| "bringing up the network")?;
        }
        let sockets = self.sockets()?;
        if layers.contains(Layer::MountNamespace) {
            mounts::enter(create, storage)?;
        }
        identity::narrow_init(create)?;
        // Changing credentials takes the death signal away (prctl(2)).
        die_with_parent()?;
        Ok(sockets)
    }

    fn sockets(&self) -> Result<Sockets, Failure> {
        let spec = &self.create.spec;
        let own_network = self.create.layers.contains(Layer::NetworkNamespace);
        let listen = |port: &u16| {
            let (address, port) = if own_network { (spec.address, *port) } else { (Ipv4Addr::LOCALHOST, 0) };
            inside::listener(address, port).stage(|| format!("listening on {address}:{port}"))
        };
        let take = |port: &u16| {
            let (address, port) = if own_network { (spec.address, *port) } else { (Ipv4Addr::LOCALHOST, 0) };
            inside::datagram_socket(address, port).stage(|| format!("taking datagrams on {address}:{port}"))
        };
        let handed_over = spec.listen_ports.iter().map(listen).chain(spec.datagram_ports.iter().map(take));
        let handed_over = handed_over.collect::<Result<_, _>>()?;
        let accepting = spec.accepted_ports.iter().map(|port| Ok((*port, listen(port)?)));
        Ok(Sockets { handed_over, accepting: accepting.collect::<Result<_, _>>()? })
    }

    fn wait_for_maps(&self) -> Result<(), Failure> {
        match self.channel.receive(None).stage(|| "waiting for the user namespace")? {
            Received::Message(Command::Mapped, _) => Ok(()),
            _ => Err(std::io::Error::other("the server is gone")).stage(|| "waiting for the user namespace"),
        }
    }
}

/// When the spawner dies, init dies.
pub(crate) fn die_with_parent() -> Result<(), Failure> {
    set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).stage(|| "tying init to the spawner")
}

/// The spawner ignores the death of its children; init wants to know. SIGCHLD is blocked and read as a file.
fn reset_signals() -> Result<(), Failure> {
    processes::default_signal(Signal::SIGCHLD).stage(|| "resetting signals")?;
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None).stage(|| "blocking signals")
}

/// Whether `pid` is this process: a last guard before a signal is sent to "all".
fn is_first_process() -> bool {
    rustix::process::getpid() == Pid::INIT
}
