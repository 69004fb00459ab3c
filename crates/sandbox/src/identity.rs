//! Who a process is and what it may do: user, capabilities, rlimits, the closing filter.
//!
//! Runs in a forked child of init, between fork and exec; the order of the steps is the order of the rights that
//! they need.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};

use crate::layers::Layer;
use crate::limits::{LOCKED_MEMORY_BYTES_MAX, STACK_BYTES_SOFT_MAX};
use crate::protocol::{Create, Failure, Identity, Stage};
use crate::seccomp::Filters;

/// What init keeps after the set-up: to give processes their user, to send them signals, to take them into
/// their cgroup namespace, and to make its sockets anew (one is of port 53).
const OF_INIT: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE)
    // To give a namespace a map that holds our root (user_namespaces(7)): the second one of a single user.
    .union(CapabilitySet::SETFCAP);

/// Takes from init what it needs no more, and closes its memory to everybody.
pub(crate) fn narrow_init(create: &Create) -> Result<(), Failure> {
    if create.layers.contains(Layer::Capabilities) {
        drop_bounding_set(OF_INIT).stage(|| "dropping init's bounding set")?;
        set_only(OF_INIT).stage(|| "dropping init's capabilities")?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).stage(|| "closing init's memory")
}

/// Makes the calling process one of the sandbox's: after this it can only become less.
pub(crate) fn confine(create: &Create, joined: &[OwnedFd], filters: &Filters) -> Result<(), Failure> {
    let layers = create.layers;
    for cgroup in joined {
        // "0" is the writing process itself.
        rustix::io::write(cgroup, b"0").stage(|| "joining the control group")?;
    }
    leave_namespaces(create)?;
    limit_resources(create).stage(|| "setting resource limits")?;
    if layers.contains(Layer::Seccomp) {
        filters.install_closing().stage(|| "installing the closing filter")?;
    }
    if layers.contains(Layer::Capabilities) {
        drop_bounding_set(CapabilitySet::empty()).stage(|| "dropping the bounding set")?;
    }
    become_user(create).stage(|| "becoming the sandbox's user")?;
    if layers.contains(Layer::Capabilities) {
        set_only(CapabilitySet::empty()).stage(|| "dropping capabilities")?;
    }
    Ok(())
}

/// The cgroup namespace, whose root is where the process has just gone, and the second user namespace.
fn leave_namespaces(create: &Create) -> Result<(), Failure> {
    let mut namespaces = CloneFlags::empty();
    if create.layers.contains(Layer::CgroupNamespace) {
        namespaces |= CloneFlags::CLONE_NEWCGROUP;
    }
    if create.identity == Identity::SingleUser {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    if !namespaces.is_empty() {
        unshare(namespaces).stage(|| "entering the cgroup namespace")?;
    }
    if create.identity == Identity::SingleUser {
        map_single_user(create).stage(|| "mapping the sandbox's user")?;
    }
    Ok(())
}

/// In the second namespace the sandbox's user stands for the first one's root, which is the server's user.
fn map_single_user(create: &Create) -> io::Result<()> {
    // The maps of a process that may not be dumped belong to root; this memory holds no secret of init.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} 0 1", create.spec.user.uid))?;
    fs::write("/proc/self/gid_map", format!("{} 0 1", create.spec.user.gid))
}

fn become_user(create: &Create) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(create.spec.user.uid), Gid::from_raw(create.spec.user.gid));
    if matches!(create.identity, Identity::HostRoot | Identity::Subordinate) {
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    Ok(())
}

/// Limits as on Lambda. A hard limit below what is wanted cannot be raised and stays.
pub(crate) fn limit_resources(create: &Create) -> io::Result<()> {
    let limits = create.spec.limits;
    if create.layers.contains(Layer::ResourceLimits) {
        limit(Resource::Nofile, limits.open_files_max, limits.open_files_max)?;
        limit(Resource::Memlock, LOCKED_MEMORY_BYTES_MAX, LOCKED_MEMORY_BYTES_MAX)?;
        limit(Resource::Stack, STACK_BYTES_SOFT_MAX, u64::MAX)?;
        // One byte is too little for a core file, and the one value for which the kernel does not start a pipe
        // handler either (core(5), fs/coredump.c); zero would leave the host's handler to run.
        limit(Resource::Core, 1, 1)?;
    }
    if create.layers.contains(Layer::PidsLimit) {
        // The control group is the real bound; this one holds where there is none.
        limit(Resource::Nproc, limits.processes_max, limits.processes_max)?;
    }
    Ok(())
}

fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let or_infinite = |value: u64| (value != u64::MAX).then_some(value);
    let new = Rlimit { current: or_infinite(soft.min(allowed)), maximum: or_infinite(hard.min(allowed)) };
    Ok(setrlimit(resource, new)?)
}

/// Drops every capability from the bounding set but those of `keep`.
fn drop_bounding_set(keep: CapabilitySet) -> io::Result<()> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if keep.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // Past the last capability of this kernel.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Leaves exactly `keep`; nothing is handed on through exec.
fn set_only(keep: CapabilitySet) -> io::Result<()> {
    clear_ambient_capability_set()?;
    let sets = CapabilitySets { effective: keep, permitted: keep, inheritable: CapabilitySet::empty() };
    Ok(set_capabilities(None, sets)?)
}

/// Puts the descriptors of a new process in place; all others close when it runs its program.
pub(crate) fn take_standard_streams(stdin: &OwnedFd, stdout: &OwnedFd, stderr: &OwnedFd) -> io::Result<()> {
    nix::unistd::dup2_stdin(stdin.as_fd())?;
    nix::unistd::dup2_stdout(stdout.as_fd())?;
    nix::unistd::dup2_stderr(stderr.as_fd())?;
    crate::syscalls::close_on_exec_from(3)
}
