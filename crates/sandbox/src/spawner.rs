//! The spawner: a small process with one thread from which every sandbox is forked.
//!
//! It is the same binary, run again ([`spawner_main_if_requested`]), so that no sandbox is ever a fork of the
//! server with its threads, its memory and its descriptors. It installs the large filter once; sandboxes inherit
//! it. The spawner ends when the server's end of its channel closes, and takes every sandbox along.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::Mode;
use rustix::process::umask;
use rustix::thread::set_no_new_privs;

use crate::cgroup::Entrance;
use crate::channel::{Channel, Received};
use crate::init::{Init, Joined};
use crate::layers::{Layer, Layers};
use crate::protocol::{Create, Failure, Network, Report, Request, Stage, Storage};
use crate::seccomp::Filters;
use crate::syscalls::{self, Fork};
use crate::waiting::Waiting;
use crate::{host_report, sweep, zygote};

/// The first argument that makes a process a spawner.
pub(crate) const ARGUMENT: &str = "sandbox-spawner";

/// Becomes the spawner, and never returns, in a process that a [`Launcher`](crate::Launcher) started as such; tries
/// namespaces, and never returns, in one that a [`HostReport`](crate::HostReport) started; does nothing in any other.
/// To be called first in `main`, before there is a second thread.
pub fn spawner_main_if_requested() {
    let Some(argument) = std::env::args_os().nth(1) else { return };
    if argument == host_report::ARGUMENT {
        syscalls::exit_now(host_report::run_probe());
    }
    if argument == ARGUMENT {
        let ended = run();
        if let Err(error) = &ended {
            eprintln!("sandbox spawner: {error}");
        }
        syscalls::exit_now(i32::from(ended.is_err()));
    }
}

/// What the forked child needs to become init.
struct Birth {
    create: Create,
    channel: Channel,
    entrance: Entrance,
    joined: Joined,
}

fn run() -> io::Result<()> {
    // Standard input is the channel.
    let channel = Channel::from_fd(io::stdin().as_fd().try_clone_to_owned()?);
    let null = std::fs::File::open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    // In a session of its own no terminal signal reaches it: the server decides when it ends.
    rustix::process::setsid()?;
    // One of 2 MiB would be split, and copied page by page, in each process that is forked; functions have what the machine gives.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Of every sandbox and its processes. What a root is made of is for its user to see, however private the server's files are.
    umask(Mode::from_raw_mode(0o022));
    let Received::Message(Request::Configure { layers, cgroup_parents }, _) = channel.receive(None)? else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    let filters = Filters::compile()?;
    syscalls::ignore_children()?;
    confine(layers, &filters)?;
    syscalls::require_single_thread()?;
    let ended = serve(channel, &filters, &Waiting::new()?);
    sweep_cgroups(&cgroup_parents);
    ended
}

/// What all sandboxes inherit. The filter comes last: without `no_new_privs` only root may install it.
fn confine(layers: Layers, filters: &Filters) -> io::Result<()> {
    if layers.contains(Layer::NoNewPrivileges) {
        set_no_new_privs(true)?;
    }
    if layers.contains(Layer::Seccomp) {
        filters.install_environment()?;
    }
    Ok(())
}

/// After the server: sandboxes end with their channels, but a frozen process (cgroup v1) cannot die.
fn sweep_cgroups(parents: &[PathBuf]) {
    for parent in parents {
        if let Err(error) = sweep::cgroup_tree(parent) {
            eprintln!("sandbox spawner: {}: {error}", parent.display());
        }
    }
}

/// Forks an init for each request, until the server is gone. Does not return in the forked children.
fn serve(channel: Channel, filters: &Filters, waiting: &Waiting) -> io::Result<()> {
    loop {
        match channel.receive(None)? {
            Received::Message(Request::Create(create), descriptors) => {
                if let Some(Birth { create, channel: own, entrance, joined }) =
                    create_init(*create, descriptors)
                {
                    // Held open by a sandbox, the spawner's channel would outlive the spawner.
                    drop(channel);
                    Init { create, channel: own, entrance, filters, waiting }.run(joined);
                }
            }
            Received::Message(Request::Zygote(create, program), descriptors) => {
                if let Some(own) = descriptors.into_iter().next().map(Channel::from_fd) {
                    zygote::bear(&create, &program, &own, filters);
                }
            }
            Received::Message(Request::Configure { .. }, _) | Received::Nothing => {}
            Received::End => return Ok(()),
        }
    }
}

/// Forks. Returns something in the child only; what goes wrong is told on the sandbox's own channel.
fn create_init(create: Create, mut descriptors: Vec<OwnedFd>) -> Option<Birth> {
    if descriptors.is_empty() {
        return None;
    }
    let channel = Channel::from_fd(descriptors.remove(0));
    match fork_init(&create, &channel) {
        Ok(true) => {
            let mut made = descriptors.split_off(create.cgroups.min(descriptors.len())).into_iter();
            let group = create.starts_in_group.then(|| made.next()).flatten();
            let storage = (create.storage == Storage::Mount).then(|| made.next()).flatten();
            let network = (create.network == Network::Joined).then(|| made.next()).flatten();
            let entrance = Entrance { tasks: descriptors, group };
            Some(Birth { create, channel, entrance, joined: Joined { storage, network } })
        }
        Ok(false) => None,
        Err(failure) => {
            // When the server is gone already, the next receive finds out.
            let _ = channel.send(&Report::Failed(failure), &[]);
            None
        }
    }
}

/// Whether this is the child.
fn fork_init(create: &Create, channel: &Channel) -> Result<bool, Failure> {
    match syscalls::fork(namespaces(create)).stage(|| "making namespaces")? {
        Fork::Child => Ok(true),
        Fork::Parent { pid, pidfd } => {
            channel.send(&Report::Spawned { pid }, &[pidfd.as_fd()]).stage(|| "telling the server")?;
            Ok(false)
        }
    }
}

fn namespaces(create: &Create) -> i32 {
    let layer = |layer, flag| if create.layers.contains(layer) { flag } else { 0 };
    let user = if create.identity.has_user_namespace() { libc::CLONE_NEWUSER } else { 0 };
    user | layer(Layer::PidNamespace, libc::CLONE_NEWPID)
        | layer(Layer::MountNamespace, libc::CLONE_NEWNS)
        | if create.network != Network::Joined {
            layer(Layer::NetworkNamespace, libc::CLONE_NEWNET)
        } else {
            0
        }
        | layer(Layer::IpcNamespace, libc::CLONE_NEWIPC)
        | layer(Layer::UtsNamespace, libc::CLONE_NEWUTS)
}
