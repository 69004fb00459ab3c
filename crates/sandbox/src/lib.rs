//! Linux isolation: namespaces, mounts, cgroups, seccomp.
//!
//! A [`SandboxSpec`] says in plain data what to isolate, a [`Launcher`] builds it, and the [`Sandbox`] that comes
//! of it runs processes until it is dropped. This crate knows no HTTP, no asynchronous runtime and nothing of
//! what its processes are for.
//!
//! ```text
//! server: Launcher ──► spawner (a process) ──► init of each sandbox ──► its processes
//! ```

mod between;
mod cgroup;
mod channel;
mod ephemeral_storage;
mod error;
mod event;
mod freeze;
mod host_report;
mod identity;
mod init;
mod init_process;
mod launcher;
mod layers;
mod limits;
mod mounts;
mod network;
mod prepared;
mod protocol;
mod running;
mod seccomp;
mod sockets;
mod spawner;
mod spec;
mod sweep;
mod syscalls;
mod texts;
mod user_namespace;
mod waiting;
mod zygote;

pub use cgroup::take_own_group;
pub use error::SandboxError;
pub use event::{ExitStatus, ProcessId, ResourceUsage, SandboxEvent, Signal};
pub use host_report::HostReport;
pub use launcher::{Launcher, LauncherConfig};
pub use layers::{IsolationLevel, Layer, Layers};
pub use network::{Destination, DestinationHost, NetworkLevel, NetworkPolicy};
pub use prepared::LaunchedProcess;
pub use running::Sandbox;
pub use sockets::{SocketMaker, WantedSocket};
pub use spawner::spawner_main_if_requested;
pub use spec::{Bind, Cpu, EphemeralStorage, Limits, ProcessSpec, SandboxSpec, SandboxUser, Symlink};
pub use sweep::{Swept, sweep};
pub use zygote::{Forked, Zygote, ZygoteSpec};
