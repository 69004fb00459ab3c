//! Gathering the facts. Namespaces are tried, in a process of their own; everything else is looked up.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::Access;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use super::{Controllers, HostReport, program};
use crate::cgroup::{self, Controller, Hierarchies, scope};
use crate::channel::wait_readable;
use crate::network::network_fault;
use crate::syscalls::{self, Fork};
use crate::user_namespace::Subordinate;

/// The first argument that makes a process try namespaces.
pub(crate) const ARGUMENT: &str = "sandbox-probe";

/// Everything takes milliseconds; a host where it does not is one that cannot.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

impl HostReport {
    /// Looks at the host. Starts this binary again for a moment: it must call
    /// [`spawner_main_if_requested`](crate::spawner_main_if_requested).
    #[must_use]
    pub fn probe() -> HostReport {
        let is_root = nix::unistd::geteuid().is_root();
        let hierarchies = Hierarchies::of_this_process();
        HostReport {
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            is_root,
            namespaces_fail: try_namespaces().err().map(|error| error.to_string()),
            has_own_uids: is_root || Subordinate::of_this_user().is_some(),
            controllers: controllers(&hierarchies),
            undelegated: hierarchies.v2.clone(),
            offered: scope::offered(&hierarchies).map(|offered| of_a_scope(&offered)),
            has_seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
            has_overlayfs: fs::read_to_string("/proc/filesystems")
                .is_ok_and(|text| text.contains("\toverlay\n")),
            has_mkfs: program("mkfs.ext4").is_some(),
            has_loop_devices: Path::new("/dev/loop-control").exists(),
            apparmor_restricts: fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                .is_ok_and(|text| text.trim() == "1"),
            network_fails: network_fault(is_root),
        }
    }
}

/// What groups made by this process could have, as far as rights tell.
fn controllers(hierarchies: &Hierarchies) -> Controllers {
    let in_v1 = |controller: Controller| {
        let directory = hierarchies.v1_directory(controller)?;
        is_writable(directory).then_some(1)
    };
    let in_v2 = |controller: Controller| {
        let group = hierarchies.v2.as_deref()?;
        // Freezing is a file of every group in v2, not a controller.
        let has = controller == Controller::Freezer
            || cgroup::controllers(group).is_some_and(|present| present.contains(&controller));
        (has && is_writable(group) && is_writable(&group.join("cgroup.procs"))).then_some(2)
    };
    let usable = |controller: Controller| in_v2(controller).or_else(|| in_v1(controller));
    Controllers {
        memory: usable(Controller::Memory),
        cpu: usable(Controller::Cpu),
        pids: usable(Controller::Pids),
        freezer: usable(Controller::Freezer),
    }
}

/// In a group of v2 that has these controllers, and can be frozen as every one can.
fn of_a_scope(offered: &[Controller]) -> Controllers {
    let has = |controller| offered.contains(&controller).then_some(2);
    Controllers {
        memory: has(Controller::Memory),
        cpu: has(Controller::Cpu),
        pids: has(Controller::Pids),
        freezer: Some(2),
    }
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, Access::WRITE_OK).is_ok()
}

/// Lets a child try, and returns its words when it fails.
fn try_namespaces() -> io::Result<()> {
    let output = Command::new("/proc/self/exe").arg(ARGUMENT).env_clear().stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
    }
}

/// In the child: makes every namespace that a sandbox has, and in them the mounts that need one.
pub(crate) fn run() -> i32 {
    match in_namespaces() {
        Ok(()) => 0,
        Err(error) => {
            let _ = write!(io::stdout(), "{error}");
            1
        }
    }
}

fn in_namespaces() -> io::Result<()> {
    let user = if nix::unistd::geteuid().is_root() { 0 } else { libc::CLONE_NEWUSER };
    let all =
        libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    match syscalls::fork(user | all)? {
        Fork::Child => syscalls::exit_now(i32::from(try_mounts().is_err())),
        Fork::Parent { pidfd, .. } => {
            wait_readable(&[pidfd.as_fd()], Some(PROBE_TIMEOUT))?;
            match syscalls::reap_one()? {
                Some(reaped) if reaped.status.success() => Ok(()),
                _ => Err(io::Error::other("/proc and tmpfs cannot be mounted in new namespaces")),
            }
        }
    }
}

fn try_mounts() -> io::Result<()> {
    for kind in ["tmpfs", "proc"] {
        let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    }
    Ok(())
}
