//! What server, spawner and init say to each other.
//!
//! ```text
//! server ──Configure, Create──► spawner ──fork──► init
//!    ▲                             └── Spawned ──┐  │
//!    └──────────── one channel per sandbox ◄──────┴──┘
//! ```
//! The server makes the sandbox's channel and sends one end along with [`Request::Create`]. The spawner answers
//! on it with [`Report::Spawned`] and keeps no copy, so that the end of the channel is the end of init.

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::event::{ProcessId, SandboxEvent};
use crate::layers::Layers;
use crate::spec::SandboxSpec;
use crate::texts;

/// To the spawner.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The first message, once.
    Configure {
        /// What every sandbox of this spawner gets.
        layers: Layers,
        /// Directories of control groups that belong to this server alone; emptied when the server is gone.
        cgroup_parents: Vec<PathBuf>,
    },
    /// One sandbox. Descriptors: its channel, then `cgroups` files to join, then those of the [`Create::starts_in_group`],
    /// `storage` and `network` that say so: the group's directory, the mount for `/tmp`, the network namespace.
    Create(Box<Create>),
    /// A process that others are forked from, in the root of [`Create`], with every right. Descriptor: its channel, on which it is told
    /// [`Failure`] where it could not be started, and by what program it is from then on.
    Zygote(Box<Create>, Program),
}

/// Everything that init needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) spec: SandboxSpec,
    pub(crate) layers: Layers,
    pub(crate) identity: Identity,
    /// An empty directory on which the new root is mounted, inside the sandbox's mount namespace only.
    pub(crate) scratch: PathBuf,
    /// The source of our mounts in `/proc/mounts`: names the data directory and the sandbox.
    pub(crate) mount_name: String,
    pub(crate) storage: Storage,
    pub(crate) network: Network,
    /// The host's address as the sandbox sees it, when it may be reached.
    pub(crate) host_address: Option<Ipv4Addr>,
    /// Number of descriptors of `tasks` files.
    pub(crate) cgroups: usize,
    /// Whether there is a control group of v2, in which processes are started.
    pub(crate) starts_in_group: bool,
}

/// How processes come to their user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Identity {
    /// They keep the server's.
    Unchanged,
    /// The server is root: they become the sandbox's user.
    HostRoot,
    /// A user namespace in which root is the server's user and the sandbox's user is a subordinate id.
    Subordinate,
    /// A user namespace that knows the server's user only: root outside, the sandbox's user in a second namespace.
    SingleUser,
}

impl Identity {
    /// Whether init waits in a user namespace until the server has written its maps.
    pub(crate) fn has_user_namespace(self) -> bool {
        matches!(self, Identity::Subordinate | Identity::SingleUser)
    }
}

/// Where `/tmp` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Storage {
    /// A detached mount, the last descriptor.
    Mount,
    /// A tmpfs with the bounds of the specification.
    Tmpfs,
    /// A tmpfs without bounds: the layer was taken away.
    Unbounded,
}

/// Where the network namespace comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Network {
    /// Made with init.
    Own,
    /// Made with init, who refuses what the policy does not allow: somebody outside carries the rest.
    Carried {
        /// The machine's.
        own_addresses: Vec<Ipv4Addr>,
    },
    /// Made ahead, the last descriptor.
    Joined,
}

/// What a zygote runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    #[serde(with = "texts::list")]
    pub(crate) argv: Vec<OsString>,
    #[serde(with = "texts::pairs")]
    pub(crate) env: Vec<(OsString, OsString)>,
}

/// To init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// The user namespace has its maps.
    Mapped,
    /// Mount the trees that come along, in this order, and tell the process that waits. Answered by `Bound`, where that is asked for, or
    /// `Failed`.
    Bind { targets: Vec<PathBuf>, is_answered: bool },
    /// Make a process that waits for its program. Answered by `Prepared` or `NotStarted`.
    Prepare {
        process: ProcessId,
        /// Whether something may be mounted before it knows its program.
        is_ahead: bool,
    },
    /// A process was forked into the sandbox from outside and left to init. Answered by `Adopted` or `NotStarted`.
    Adopt { process: ProcessId, pid: i32 },
    /// Become as new, when no process is left, and in other control groups where that is said; descriptors: so many `tasks` files, then the
    /// directory of a group of v2 if there is one. Answered by `Renewed` or `Failed`.
    Renew { groups: Option<(usize, bool)> },
    /// Send a signal. Not answered: the process may be gone.
    Signal { process: ProcessId, number: i32 },
    /// Look at the sockets that were handed over: the server has closed its own. Not answered; see `Wanted`.
    Watch,
    /// So many connections were taken: as many more may be handed over. Not answered.
    Taken { connections: usize },
    /// Make sockets for whoever asks on the channel that comes with this. Not answered.
    ServeSockets,
    /// Kill every process; answered by `Killed` when none is left.
    KillProcesses,
    /// Kill every process and end. Not answered.
    End,
}

/// From the spawner (`Spawned`) and from init (the rest).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// Init exists; descriptor: its pidfd.
    Spawned { pid: i32 },
    /// The sandbox is built; descriptors: its listeners, then its datagram sockets.
    Ready,
    /// It could not be built; init is gone.
    Failed(Failure),
    /// The trees are mounted.
    Bound,
    /// The process is made; descriptor: the channel on which it waits.
    Prepared,
    /// Nothing of what was inside is left; descriptors as those of `Ready`.
    Renewed,
    /// Its end will be told.
    Adopted,
    /// There is no such process.
    NotStarted(Failure),
    /// No process is left.
    Killed,
    /// Something came to a socket that the server has closed, which is not looked at any more; descriptor: the socket, of those that were
    /// handed over the one with this number.
    Wanted { socket: usize },
    /// Somebody inside connected to an accepted port; descriptor: the connection.
    Connection { port: u16 },
    /// News that nobody asked for.
    Event(SandboxEvent),
}

/// To init, on a channel of its own: a socket that belongs to the sandbox's network.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SocketRequest;

/// The answer; descriptor: the socket, neither bound nor connected.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum SocketReport {
    /// It is made.
    Made,
    /// It could not be.
    Failed(Failure),
}

/// Why a process does not run its program, on its own channel, whose end says that the program runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum StartFailure {
    /// Something on the way to its program.
    OnTheWay(Failure),
    /// The program itself: it is not there, or cannot be run.
    Program(Failure),
}

/// An error on its way to the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What was being done.
    pub(crate) stage: String,
    /// The kernel's number, or zero.
    pub(crate) errno: i32,
    /// The error in words when there is no number.
    pub(crate) text: String,
}

impl Failure {
    /// The error as it was.
    pub(crate) fn source(&self) -> io::Error {
        match self.errno {
            0 => io::Error::other(self.text.clone()),
            number => io::Error::from_raw_os_error(number),
        }
    }
}

impl From<Failure> for StartFailure {
    fn from(failure: Failure) -> Self {
        StartFailure::OnTheWay(failure)
    }
}

/// Gives an error the words that say what was being done.
pub(crate) trait Stage<T> {
    /// `stage` is only called for an error.
    fn stage<S: Into<String>>(self, stage: impl FnOnce() -> S) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Stage<T> for Result<T, E> {
    fn stage<S: Into<String>>(self, stage: impl FnOnce() -> S) -> Result<T, Failure> {
        self.map_err(|error| {
            let error: io::Error = error.into();
            let errno = error.raw_os_error().unwrap_or(0);
            Failure {
                stage: stage().into(),
                errno,
                text: if errno == 0 { error.to_string() } else { String::new() },
            }
        })
    }
}
